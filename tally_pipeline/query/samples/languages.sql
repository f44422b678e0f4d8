-- In which languages the shows of the latest day (of the last 30) were made, the most frequent first.
WITH recent AS (
    SELECT dt, show_id, original_language
    FROM silver_shows
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
)
SELECT
    original_language,
    count(DISTINCT show_id) AS shows
FROM recent
WHERE dt = (SELECT max(dt) FROM recent)
GROUP BY original_language
ORDER BY shows DESC, original_language
