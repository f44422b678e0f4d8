-- What moved most in each list since its last day before this one: risers, fallers, entries and exits, 25 of each.
WITH lists AS (
    -- A list that has nothing on the day, or nothing before it, has nothing to compare.
    SELECT
        data_type,
        max(CASE WHEN dt < :day THEN dt END) AS compared_dt
    FROM silver_shows
    WHERE dt <= :day
    GROUP BY data_type
    HAVING max(dt) = :day
        AND min(dt) < :day
),
today AS (
    SELECT
        shows.data_type,
        shows.show_id,
        shows.title,
        shows.rank,
        shows.popularity
    FROM silver_shows AS shows
    JOIN lists
        ON lists.data_type = shows.data_type
    WHERE shows.dt = :day
),
before AS (
    SELECT
        shows.data_type,
        shows.show_id,
        shows.title,
        shows.rank,
        shows.popularity
    FROM silver_shows AS shows
    JOIN lists
        ON lists.data_type = shows.data_type
        AND lists.compared_dt = shows.dt
    WHERE shows.dt < :day
),
moves AS (
    SELECT
        coalesce(today.data_type, before.data_type) AS data_type,
        coalesce(today.show_id, before.show_id) AS show_id,
        coalesce(today.title, before.title) AS title,
        CASE
            WHEN before.show_id IS NULL THEN 'entry'
            WHEN today.show_id IS NULL THEN 'exit'
            WHEN today.rank < before.rank THEN 'riser'
            WHEN today.rank > before.rank THEN 'faller'
        END AS kind,
        today.rank,
        before.rank AS rank_before,
        before.rank - today.rank AS rank_change,
        today.popularity,
        before.popularity AS popularity_before,
        today.popularity - before.popularity AS popularity_change
    FROM today
    FULL JOIN before
        ON before.data_type = today.data_type
        AND before.show_id = today.show_id
),
placed AS (
    SELECT
        data_type,
        kind,
        row_number() OVER (
            PARTITION BY data_type, kind
            ORDER BY
                abs(rank_change) DESC NULLS LAST,
                abs(popularity_change) DESC NULLS LAST,
                coalesce(rank, rank_before),
                show_id
        ) AS place,
        show_id,
        title,
        rank,
        rank_before,
        rank_change,
        popularity,
        popularity_before,
        popularity_change
    FROM moves
    WHERE kind IS NOT NULL
)
SELECT
    placed.data_type,
    placed.kind,
    placed.place,
    placed.show_id,
    placed.title,
    placed.rank,
    placed.rank_before,
    placed.rank_change,
    placed.popularity,
    placed.popularity_before,
    placed.popularity_change,
    lists.compared_dt,
    date_diff('day', CAST(lists.compared_dt AS date), CAST(:day AS date)) - 1 AS gap_days
FROM placed
JOIN lists
    ON lists.data_type = placed.data_type
WHERE placed.place <= 25
ORDER BY placed.data_type, placed.kind, placed.place
