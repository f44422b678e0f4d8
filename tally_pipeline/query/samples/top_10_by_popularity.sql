-- The ten most popular shows of the latest day (of the last 30), whichever list they were in.
WITH recent AS (
    SELECT dt, show_id, title, popularity
    FROM silver_shows
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
)
SELECT
    dt,
    show_id,
    max_by(title, popularity) AS title,
    max(popularity) AS popularity
FROM recent
WHERE dt = (SELECT max(dt) FROM recent)
GROUP BY dt, show_id
ORDER BY popularity DESC, show_id
LIMIT 10
