-- What moved most in each list, since its last day before this one and over exactly 7 days: 25 of each kind.
WITH captured AS (
    SELECT DISTINCT
        data_type,
        dt
    FROM silver_shows
    WHERE dt BETWEEN :earliest AND :day
),
lists AS (
    -- A list that has nothing on the day, or nothing before it, has nothing to compare.
    SELECT
        data_type,
        max(CASE WHEN dt < :day THEN dt END) AS last_dt,
        max(CASE WHEN dt = :day_7 THEN dt END) AS week_dt,
        count_if(dt > :day_7 AND dt < :day) AS days_within_week
    FROM captured
    GROUP BY data_type
    HAVING max(dt) = :day
        AND min(dt) < :day
),
pairs AS (
    SELECT
        data_type,
        '' AS span,
        last_dt AS compared_dt,
        date_diff('day', CAST(last_dt AS date), CAST(:day AS date)) - 1 AS gap_days
    FROM lists
    UNION ALL
    SELECT
        data_type,
        '_7d' AS span,
        week_dt AS compared_dt,
        6 - days_within_week AS gap_days
    FROM lists
    WHERE week_dt IS NOT NULL
),
today AS (
    SELECT
        shows.data_type,
        pairs.span,
        shows.show_id,
        shows.title,
        shows.rank,
        shows.popularity
    FROM silver_shows AS shows
    JOIN pairs
        ON pairs.data_type = shows.data_type
    WHERE shows.dt = :day
),
before AS (
    SELECT
        shows.data_type,
        pairs.span,
        shows.show_id,
        shows.title,
        shows.rank,
        shows.popularity
    FROM silver_shows AS shows
    JOIN pairs
        ON pairs.data_type = shows.data_type
        AND pairs.compared_dt = shows.dt
    WHERE shows.dt < :day
),
moves AS (
    SELECT
        coalesce(today.data_type, before.data_type) AS data_type,
        coalesce(today.span, before.span) AS span,
        coalesce(today.show_id, before.show_id) AS show_id,
        coalesce(today.title, before.title) AS title,
        today.rank,
        before.rank AS rank_before,
        today.popularity,
        before.popularity AS popularity_before,
        log2(greatest(today.popularity, 1) / greatest(before.popularity, 1)) AS doublings
    FROM today
    FULL JOIN before
        ON before.data_type = today.data_type
        AND before.span = today.span
        AND before.show_id = today.show_id
),
ordered AS (
    SELECT
        data_type,
        span,
        doublings,
        row_number() OVER (PARTITION BY data_type, span ORDER BY doublings, show_id) AS place,
        count(*) OVER (PARTITION BY data_type, span) AS places
    FROM moves
    WHERE doublings IS NOT NULL
),
drifts AS (
    -- TMDB's scale moves from day to day, for all shows together: what the median show does is no news.
    SELECT
        data_type,
        span,
        -- The middle one, or the mean of the middle two.
        avg(CASE WHEN 2 * place BETWEEN places AND places + 2 THEN doublings END) AS drift
    FROM ordered
    GROUP BY data_type, span
),
measured AS (
    SELECT
        moves.data_type,
        moves.span,
        moves.show_id,
        moves.title,
        moves.rank,
        moves.rank_before,
        moves.popularity,
        moves.popularity_before,
        round(100 * (power(2, drifts.drift) - 1), 3) AS list_drift_pct,
        round(moves.doublings - drifts.drift, 3) AS doublings,
        round(
            (moves.doublings - drifts.drift + log2(CAST(moves.rank_before AS double) / moves.rank))
            / log2(1 + least(moves.rank, moves.rank_before)),
            3
        ) AS score
    FROM moves
    LEFT JOIN drifts
        ON drifts.data_type = moves.data_type
        AND drifts.span = moves.span
),
kinds AS (
    SELECT
        data_type,
        span,
        CASE
            WHEN rank_before IS NULL THEN 'entry'
            WHEN rank IS NULL THEN 'exit'
            -- Who gained has gained in every way: popularity itself, beside the list, and no place lost.
            WHEN popularity > popularity_before AND doublings > 0 AND rank <= rank_before THEN 'riser'
            WHEN popularity < popularity_before AND doublings < 0 AND rank >= rank_before THEN 'faller'
        END AS kind,
        show_id,
        title,
        rank,
        rank_before,
        popularity,
        popularity_before,
        list_drift_pct,
        doublings,
        score
    FROM measured
),
placed AS (
    SELECT
        data_type,
        span,
        concat(kind, span) AS kind,
        row_number() OVER (
            PARTITION BY data_type, kind, span
            ORDER BY
                abs(score) DESC NULLS LAST,
                coalesce(least(rank, rank_before), rank, rank_before),
                show_id
        ) AS place,
        count(*) OVER (PARTITION BY data_type, kind, span) AS kind_shows,
        show_id,
        title,
        rank,
        rank_before,
        popularity,
        popularity_before,
        list_drift_pct,
        doublings,
        score
    FROM kinds
    -- Over a week only what is on the list on both days counts: who came and went is told day by day.
    WHERE kind IN ('riser', 'faller') OR (kind IN ('entry', 'exit') AND span = '')
)
SELECT
    placed.data_type,
    placed.kind,
    placed.place,
    placed.show_id,
    placed.title,
    placed.rank,
    placed.rank_before,
    placed.rank_before - placed.rank AS rank_change,
    placed.popularity,
    placed.popularity_before,
    placed.popularity - placed.popularity_before AS popularity_change,
    pairs.compared_dt,
    pairs.gap_days,
    placed.score,
    placed.doublings,
    placed.list_drift_pct,
    placed.kind_shows
FROM placed
JOIN pairs
    ON pairs.data_type = placed.data_type
    AND pairs.span = placed.span
WHERE placed.place <= 25
ORDER BY placed.data_type, placed.kind, placed.place
