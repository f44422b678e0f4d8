-- How many different shows the lists held in the last 30 days, on how many days, in how many entries.
SELECT
    count(DISTINCT show_id) AS shows,
    count(DISTINCT dt) AS days,
    count(*) AS entries
FROM silver_shows
WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
