-- The fate of each sound line that arrived from :first to :last and whose event was from :first_event_day to
-- :last_event_day: silver, duplicate or conflict. It depends on no line that arrived later.
WITH asked AS (
    SELECT *
    FROM silver_event_lines
    WHERE reasons IS NULL
        AND dt BETWEEN ':first' AND ':last'
        AND event_day BETWEEN ':first_event_day' AND ':last_event_day'
),
repeated_ids AS (
    SELECT event_id
    FROM silver_event_lines
    WHERE reasons IS NULL
        AND dt BETWEEN ':earliest' AND ':last'
        AND event_id IN (SELECT event_id FROM asked)
    GROUP BY event_id
    HAVING count(*) > 1
),
repeated AS (
    SELECT
        *,
        lpad(CAST(received_ms AS varchar), 15, '0') || request_id || lpad(CAST(request_index AS varchar), 3, '0')
            || object || lpad(CAST(line AS varchar), 12, '0') AS place
    FROM silver_event_lines
    WHERE reasons IS NULL
        AND dt BETWEEN ':earliest' AND ':last'
        AND event_id IN (SELECT event_id FROM repeated_ids)
),
-- A window and no join of pairs: a client that repeats one id a million times must not cost the square of it.
placed AS (
    SELECT
        *,
        min(place) OVER (
            PARTITION BY event_id
            ORDER BY received_ms
            RANGE BETWEEN :look_back_ms PRECEDING AND CURRENT ROW
        ) AS first_place
    FROM repeated
),
later AS (
    SELECT
        placed.object,
        placed.line,
        CASE WHEN :differs THEN 'conflict' ELSE 'duplicate' END AS fate
    FROM placed
    JOIN repeated AS earliest
        ON earliest.event_id = placed.event_id AND earliest.place = placed.first_place
    WHERE placed.place <> placed.first_place
)
SELECT :columns, coalesce(later.fate, 'silver') AS fate
FROM asked
LEFT JOIN later ON later.object = asked.object AND later.line = asked.line
