-- Where each show can be watched and since when, and where it could be until when: an interval a row.
WITH replies AS (
    -- A show that is gone, or not asked for any more, has no reply as of the day; one that is new, or came back, has
    -- none as of the day before.
    SELECT
        coalesce(today.show_id, earlier.show_id) AS show_id,
        CASE WHEN NOT today.is_gone THEN today.seen_on END AS seen_on,
        earlier.seen_on AS seen_before,
        coalesce(today.is_gone, false) AS is_gone
    FROM (
        SELECT show_id, seen_on, is_gone
        FROM silver_details
        WHERE dt = :day
    ) AS today
    FULL JOIN (
        SELECT show_id, seen_on
        FROM silver_details
        WHERE dt = :before AND NOT is_gone
    ) AS earlier
        ON earlier.show_id = today.show_id
),
offered AS (
    SELECT show_id, title, country, kind, provider_id, provider_name, brand_id, brand
    FROM silver_offers
    WHERE dt = :day
),
was AS (
    SELECT
        show_id, title, country, kind, provider_id, provider_name, brand_id, brand,
        lacked_on, until, is_open, closed_on, closed_reason, replies
    FROM gold_availability
    WHERE dt = :before
),
offers AS (
    -- Those of the day, and those that were open before: what is in both goes on, what is in one began or ended.
    SELECT
        coalesce(offered.show_id, was.show_id) AS show_id,
        CASE WHEN offered.show_id IS NULL THEN was.title ELSE offered.title END AS title,
        coalesce(offered.country, was.country) AS country,
        coalesce(offered.kind, was.kind) AS kind,
        coalesce(offered.provider_id, was.provider_id) AS provider_id,
        CASE
            WHEN offered.show_id IS NULL THEN was.provider_name
            ELSE offered.provider_name
        END AS provider_name,
        coalesce(offered.brand_id, was.brand_id) AS brand_id,
        coalesce(offered.brand, was.brand) AS brand,
        offered.show_id IS NOT NULL AS is_open,
        was.show_id IS NULL AS is_new,
        was.lacked_on,
        was.until,
        was.replies
    FROM offered
    FULL JOIN (
        SELECT *
        FROM was
        WHERE is_open
    ) AS was
        ON was.show_id = offered.show_id
        AND was.country = offered.country
        AND was.kind = offered.kind
        AND was.provider_id = offered.provider_id
),
intervals AS (
    SELECT
        offers.show_id,
        offers.title,
        offers.country,
        offers.kind,
        offers.provider_id,
        offers.provider_name,
        offers.brand_id,
        offers.brand,
        CASE
            WHEN NOT offers.is_new THEN offers.lacked_on
            WHEN replies.seen_before < replies.seen_on THEN replies.seen_before
        END AS lacked_on,
        CASE
            WHEN offers.is_new THEN replies.seen_on
            WHEN offers.is_open THEN greatest(offers.until, replies.seen_on)
            ELSE offers.until
        END AS until,
        offers.is_open,
        CASE WHEN NOT offers.is_open THEN coalesce(replies.seen_on, :day) END AS closed_on,
        CASE
            WHEN offers.is_open THEN NULL
            WHEN replies.seen_on IS NOT NULL THEN 'offer'
            WHEN replies.is_gone THEN 'show_gone'
            ELSE 'out_of_sight'
        END AS closed_reason,
        CASE
            WHEN offers.is_new THEN '1'
            WHEN offers.is_open AND offers.until < replies.seen_on THEN concat(
                rpad(
                    offers.replies,
                    CAST(
                        length(offers.replies)
                        + date_diff('day', CAST(offers.until AS date), CAST(replies.seen_on AS date)) - 1 AS integer
                    ),
                    '0'
                ),
                '1'
            )
            ELSE offers.replies
        END AS replies
    FROM offers
    JOIN replies
        ON replies.show_id = offers.show_id
    UNION ALL
    SELECT
        show_id, title, country, kind, provider_id, provider_name, brand_id, brand,
        lacked_on, until, is_open, closed_on, closed_reason, replies
    FROM was
    WHERE NOT is_open
),
within AS (
    -- What the window no longer shows is left out.
    SELECT
        *,
        1 + date_diff('day', CAST(:earliest AS date), CAST(until AS date)) AS most
    FROM intervals
    WHERE until >= :earliest
),
cut AS (
    SELECT
        *,
        substr(replies, greatest(1 + length(replies) - most, 1)) AS window_replies
    FROM within
),
clipped AS (
    -- An interval begins with a reply.
    SELECT
        *,
        substr(window_replies, strpos(window_replies, '1')) AS kept_replies
    FROM cut
),
counted AS (
    SELECT
        *,
        length(kept_replies) AS days,
        length(replace(kept_replies, '0', '')) AS times_seen
    FROM clipped
)
SELECT
    show_id,
    title,
    country,
    kind,
    provider_id,
    provider_name,
    brand_id,
    brand,
    date_format(date_add('day', 1 - days, CAST(until AS date)), '%Y-%m-%d') AS since,
    coalesce(lacked_on >= :earliest, false) AS since_is_known,
    CASE WHEN lacked_on >= :earliest THEN lacked_on END AS lacked_on,
    until,
    is_open,
    CAST(times_seen AS integer) AS times_seen,
    CAST(days - times_seen AS integer) AS gap_days,
    closed_on,
    closed_reason,
    kept_replies AS replies
FROM counted
