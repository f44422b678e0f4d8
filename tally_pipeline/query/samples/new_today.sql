-- Shows of each list's latest day that it did not hold before, within the last 30 days; a list's first day has none.
WITH recent AS (
    SELECT data_type, dt, show_id, title, rank
    FROM silver_shows
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
),
captured AS (
    SELECT data_type, min(dt) AS first_day, max(dt) AS latest_day
    FROM recent
    GROUP BY data_type
),
seen AS (
    SELECT data_type, show_id, min(dt) AS first_day
    FROM recent
    GROUP BY data_type, show_id
)
SELECT
    recent.data_type,
    recent.dt,
    recent.rank,
    recent.show_id,
    recent.title
FROM recent
JOIN captured
    ON captured.data_type = recent.data_type
    AND captured.latest_day = recent.dt
JOIN seen
    ON seen.data_type = recent.data_type
    AND seen.show_id = recent.show_id
WHERE seen.first_day = captured.latest_day
    AND captured.first_day < captured.latest_day
ORDER BY recent.data_type, recent.rank
