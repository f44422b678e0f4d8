-- How old what is known of shows is as of the latest day (of the last 30): shows by the days since TMDB's reply.
WITH recent AS (
    SELECT dt, show_id, seen_on, age_days
    FROM silver_details
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
)
SELECT
    age_days,
    seen_on,
    count(*) AS shows
FROM recent
WHERE dt = (SELECT max(dt) FROM recent)
GROUP BY age_days, seen_on
ORDER BY age_days, seen_on
