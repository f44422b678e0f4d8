-- Which seasons become complete when, by the latest calendar (of the last 30 days), the next first.
WITH recent AS (
    SELECT dt, air_date, show_id, title, season_number, episode_number, moved_from, seen_on
    FROM gold_release_calendar
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
        AND completes_season
)
SELECT
    air_date AS complete_on,
    title,
    season_number,
    episode_number AS last_episode,
    moved_from,
    seen_on
FROM recent
WHERE dt = (SELECT max(dt) FROM recent)
ORDER BY complete_on, title, show_id, season_number
