-- What arrived and what left, by the replies that are new since the last day before this one that has silver.
WITH shows AS (
    SELECT
        earlier.show_id,
        today.seen_on,
        earlier.seen_on AS compared_seen_on,
        today.is_gone
    FROM (
        SELECT show_id, seen_on
        FROM silver_details
        WHERE dt = :before AND NOT is_gone
    ) AS earlier
    JOIN (
        SELECT show_id, seen_on, is_gone
        FROM silver_details
        WHERE dt = :day
    ) AS today
        ON today.show_id = earlier.show_id
    -- A show without a new reply tells nothing new, one that was unknown before cannot be compared, and of one that is
    -- not known any more nobody said that it is gone.
    WHERE today.seen_on > earlier.seen_on
),
now AS (
    SELECT show_id, title, country, kind, provider_id, provider_name, brand_id, brand
    FROM silver_offers
    WHERE dt = :day
        AND show_id IN (SELECT show_id FROM shows)
),
was AS (
    SELECT show_id, title, country, kind, provider_id, provider_name, brand_id, brand
    FROM silver_offers
    WHERE dt = :before
        AND show_id IN (SELECT show_id FROM shows)
),
changed AS (
    SELECT
        CASE WHEN was.show_id IS NULL THEN 'arrival' ELSE 'departure' END AS change,
        coalesce(now.show_id, was.show_id) AS show_id,
        CASE WHEN now.show_id IS NULL THEN was.title ELSE now.title END AS title,
        coalesce(now.country, was.country) AS country,
        coalesce(now.kind, was.kind) AS kind,
        coalesce(now.provider_id, was.provider_id) AS provider_id,
        CASE WHEN now.show_id IS NULL THEN was.provider_name ELSE now.provider_name END AS provider_name,
        coalesce(now.brand_id, was.brand_id) AS brand_id,
        coalesce(now.brand, was.brand) AS brand
    FROM now
    FULL JOIN was
        ON was.show_id = now.show_id
        AND was.country = now.country
        AND was.kind = now.kind
        AND was.provider_id = now.provider_id
    WHERE now.show_id IS NULL OR was.show_id IS NULL
),
brands AS (
    -- Whether a brand offers a show there in this kind, by any of its ids: as of the day, and before.
    SELECT show_id, country, kind, brand_id, max(as_of_day) AS is_offered, max(as_of_before) AS was_offered
    FROM (
        SELECT show_id, country, kind, brand_id, 1 AS as_of_day, 0 AS as_of_before
        FROM now
        UNION ALL
        SELECT show_id, country, kind, brand_id, 0 AS as_of_day, 1 AS as_of_before
        FROM was
    ) AS offers
    GROUP BY show_id, country, kind, brand_id
)
SELECT
    changed.change,
    CASE WHEN shows.is_gone THEN 'show_gone' ELSE 'offer' END AS reason,
    changed.show_id,
    changed.title,
    changed.country,
    changed.kind,
    changed.provider_id,
    changed.provider_name,
    changed.brand_id,
    changed.brand,
    CASE WHEN changed.change = 'arrival' THEN brands.was_offered ELSE brands.is_offered END = 0 AS is_brand_change,
    shows.seen_on,
    shows.compared_seen_on,
    CAST(
        date_diff('day', CAST(shows.compared_seen_on AS date), CAST(shows.seen_on AS date)) - 1 AS integer
    ) AS gap_days
FROM changed
JOIN shows
    ON shows.show_id = changed.show_id
JOIN brands
    ON brands.show_id = changed.show_id
    AND brands.country = changed.country
    AND brands.kind = changed.kind
    AND brands.brand_id = changed.brand_id
