-- Where the shows of the latest day (of the last 30) come from, the most frequent country first; a show may have several.
WITH recent AS (
    SELECT dt, show_id, origin_country
    FROM silver_shows
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
)
SELECT
    country,
    count(DISTINCT show_id) AS shows
FROM recent
CROSS JOIN UNNEST(origin_country) AS countries (country)
WHERE dt = (SELECT max(dt) FROM recent)
GROUP BY country
ORDER BY shows DESC, country
