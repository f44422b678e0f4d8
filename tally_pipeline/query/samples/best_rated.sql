-- The twenty best rated shows of the latest day (of the last 30), among those with at least 200 votes.
WITH recent AS (
    SELECT dt, show_id, title, vote_average, vote_count
    FROM silver_shows
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
)
SELECT
    dt,
    show_id,
    max_by(title, vote_count) AS title,
    max_by(vote_average, vote_count) AS rating,
    max(vote_count) AS votes
FROM recent
WHERE dt = (SELECT max(dt) FROM recent)
GROUP BY dt, show_id
HAVING max(vote_count) >= 200
ORDER BY rating DESC, votes DESC, show_id
LIMIT 20
