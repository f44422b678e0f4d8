-- Where shows can be watched in the United States in a subscription or free, and since when (offers: JustWatch).
WITH recent AS (
    SELECT dt, show_id, title, kind, provider_id, provider_name, brand, since, since_is_known, until
    FROM gold_availability
    WHERE dt >= date_format(current_date - interval '30' day, '%Y-%m-%d')
        AND is_open
        -- One show alone: AND title = 'Severance'
        AND country = 'US'
        AND kind IN ('flatrate', 'free', 'ads')
)
SELECT
    title,
    brand,
    provider_name,
    kind,
    -- What was there when the show was first looked at has been there for longer.
    CASE WHEN since_is_known THEN since END AS since,
    since AS seen_since,
    until AS last_seen_on
FROM recent
WHERE dt = (SELECT max(dt) FROM recent)
ORDER BY title, brand, kind, show_id, provider_id
LIMIT 200
