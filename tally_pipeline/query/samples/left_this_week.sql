-- What left a brand in the United States in the last 7 days; change country and brand in WHERE (offers: JustWatch).
-- A brand may have several ids: each change once.
SELECT DISTINCT
    seen_on,
    show_id,
    title,
    brand,
    kind,
    compared_seen_on AS last_seen_on,
    gap_days,
    reason
FROM gold_availability_changes
WHERE dt >= date_format(current_date - interval '6' day, '%Y-%m-%d')
    AND change = 'departure'
    -- Not what only moved from one plan of the brand to another.
    AND is_brand_change
    AND country = 'US'
    AND kind IN ('flatrate', 'free', 'ads')
    -- One brand alone: AND brand = 'Netflix'
ORDER BY seen_on DESC, brand, title, kind, show_id
