-- Every show of the day, over all lists: where it stands, how far it moved in 1, 7 and 28 days, its past of 90.
WITH listed AS (
    SELECT
        show_id,
        title,
        popularity,
        data_type,
        rank,
        row_number() OVER (PARTITION BY show_id ORDER BY popularity DESC, data_type) AS place
    FROM silver_shows
    WHERE dt = :day
),
today AS (
    SELECT
        show_id,
        max(CASE WHEN place = 1 THEN title END) AS title,
        max(popularity) AS popularity,
        map(array_agg(data_type ORDER BY data_type), array_agg(rank ORDER BY data_type)) AS ranks,
        count(*) AS lists,
        min(rank) AS best_rank
    FROM listed
    GROUP BY show_id
),
seen AS (
    SELECT
        show_id,
        dt,
        max(popularity) AS popularity,
        min(rank) AS best_rank
    FROM silver_shows
    WHERE dt BETWEEN :earliest AND :day
    GROUP BY show_id, dt
),
captured AS (
    SELECT DISTINCT dt
    FROM seen
),
gaps AS (
    SELECT
        count_if(dt = :day_1) = 0 AS gap_1d,
        count_if(dt = :day_7) = 0 AS gap_7d,
        count_if(dt = :day_28) = 0 AS gap_28d,
        28 - count_if(dt >= :day_28 AND dt < :day) AS window_days_missing,
        min(dt) AS known_since
    FROM captured
),
past AS (
    SELECT
        show_id,
        dt,
        popularity,
        best_rank,
        max(popularity) OVER (PARTITION BY show_id) AS peak,
        date_diff('day', CAST(dt AS date), CAST(:day AS date)) AS days_ago,
        -- Without a break, the n-th sighting back from the day is n days ago.
        row_number() OVER (PARTITION BY show_id ORDER BY dt DESC) - 1 AS sightings_since
    FROM seen
    WHERE show_id IN (SELECT show_id FROM today)
),
history AS (
    SELECT
        show_id,
        max(peak) AS peak_popularity,
        min(CASE WHEN popularity = peak THEN dt END) AS peak_dt,
        min(dt) AS first_seen,
        count(*) AS days_seen,
        count_if(days_ago = sightings_since) AS streak,
        max(CASE WHEN days_ago = 1 THEN popularity END) AS popularity_1d,
        max(CASE WHEN days_ago = 7 THEN popularity END) AS popularity_7d,
        max(CASE WHEN days_ago = 28 THEN popularity END) AS popularity_28d,
        max(CASE WHEN days_ago = 1 THEN best_rank END) AS best_rank_1d,
        max(CASE WHEN days_ago = 7 THEN best_rank END) AS best_rank_7d,
        max(CASE WHEN days_ago = 28 THEN best_rank END) AS best_rank_28d
    FROM past
    GROUP BY show_id
)
SELECT
    today.show_id,
    today.title,
    today.popularity,
    today.ranks,
    today.lists,
    today.best_rank,
    today.popularity - history.popularity_1d AS change_1d,
    100 * (today.popularity - history.popularity_1d) / nullif(history.popularity_1d, 0) AS change_1d_pct,
    history.best_rank_1d - today.best_rank AS rank_change_1d,
    today.popularity - history.popularity_7d AS change_7d,
    100 * (today.popularity - history.popularity_7d) / nullif(history.popularity_7d, 0) AS change_7d_pct,
    history.best_rank_7d - today.best_rank AS rank_change_7d,
    today.popularity - history.popularity_28d AS change_28d,
    100 * (today.popularity - history.popularity_28d) / nullif(history.popularity_28d, 0) AS change_28d_pct,
    history.best_rank_28d - today.best_rank AS rank_change_28d,
    gaps.gap_1d,
    gaps.gap_7d,
    gaps.gap_28d,
    history.peak_popularity,
    history.peak_dt,
    history.first_seen,
    history.days_seen,
    history.streak,
    before_streak.dt IS NULL AS streak_broken_by_gap,
    gaps.window_days_missing,
    gaps.known_since
FROM today
JOIN history
    ON history.show_id = today.show_id
CROSS JOIN gaps
LEFT JOIN captured AS before_streak
    ON date_diff('day', CAST(before_streak.dt AS date), CAST(:day AS date)) = history.streak
ORDER BY today.show_id
