-- How many shows each list held on each of the last 30 days.
SELECT
    data_type,
    dt,
    count(*) AS shows
FROM silver_shows
WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
GROUP BY data_type, dt
ORDER BY dt DESC, data_type
