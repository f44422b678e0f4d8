-- Every genre of each list of the day: how many shows, how popular, how well rated, and how that changed in a week.
WITH shows AS (
    SELECT
        data_type,
        dt,
        show_id,
        popularity,
        genre_ids,
        coalesce(vote_average, 0) AS vote_average,
        CASE WHEN vote_average IS NULL THEN 0 ELSE coalesce(vote_count, 0) END AS votes
    FROM silver_shows
    WHERE dt IN (:day, :day_7)
),
lists AS (
    -- Sums of doubles depend on their order: each is taken in one, so that the same silver gives the same sum.
    SELECT
        data_type,
        dt,
        count(*) AS shows,
        sum(vote_average * votes ORDER BY show_id) / nullif(sum(votes), 0) AS vote_average
    FROM shows
    GROUP BY data_type, dt
),
tagged AS (
    SELECT
        shows.data_type,
        shows.dt,
        shows.show_id,
        shows.popularity,
        shows.vote_average,
        shows.votes,
        genres.genre_id
    FROM shows
    CROSS JOIN UNNEST(shows.genre_ids) AS genres (genre_id)
),
placed AS (
    SELECT
        data_type,
        dt,
        show_id,
        popularity,
        vote_average,
        votes,
        genre_id,
        row_number() OVER (PARTITION BY data_type, dt, genre_id ORDER BY popularity, show_id) AS place,
        count(*) OVER (PARTITION BY data_type, dt, genre_id) AS places
    FROM tagged
),
totals AS (
    SELECT
        data_type,
        dt,
        genre_id,
        count(*) AS shows,
        sum(popularity ORDER BY show_id) AS total_popularity,
        -- The middle one, or the mean of the middle two.
        avg(CASE WHEN 2 * place BETWEEN places AND places + 2 THEN popularity END) AS median_popularity,
        sum(vote_average * votes ORDER BY show_id) AS points,
        sum(votes) AS votes
    FROM placed
    GROUP BY data_type, dt, genre_id
),
spelt AS (
    SELECT
        id,
        name,
        -- The newest up to the day; where there is none yet, the first after it.
        row_number() OVER (
            PARTITION BY id
            ORDER BY CASE WHEN dt <= :day THEN dt END DESC NULLS LAST, dt, language
        ) AS place
    FROM silver_genres
    WHERE dt >= :earliest
),
contracted AS (
    -- The contract's names (GENRES), for a lake into which no list of genres was captured yet.
    SELECT id, name
    FROM (
        VALUES
            (10759, 'Action & Adventure'),
            (16, 'Animation'),
            (35, 'Comedy'),
            (80, 'Crime'),
            (99, 'Documentary'),
            (18, 'Drama'),
            (10751, 'Family'),
            (10762, 'Kids'),
            (9648, 'Mystery'),
            (10763, 'News'),
            (10764, 'Reality'),
            (10765, 'Sci-Fi & Fantasy'),
            (10766, 'Soap'),
            (10767, 'Talk'),
            (10768, 'War & Politics'),
            (37, 'Western')
    ) AS names (id, name)
)
SELECT
    totals.data_type,
    totals.genre_id,
    coalesce(spelt.name, contracted.name) AS genre,
    totals.shows,
    CAST(totals.shows AS double) / lists.shows AS share,
    totals.total_popularity / totals.shows AS mean_popularity,
    totals.median_popularity,
    totals.total_popularity,
    totals.points / nullif(totals.votes, 0) AS vote_average_weighted,
    (totals.points + :prior_votes * lists.vote_average) / (totals.votes + :prior_votes) AS vote_average_bayes,
    CASE WHEN week_ago.data_type IS NOT NULL THEN totals.shows - coalesce(earlier.shows, 0) END AS shows_change_7d,
    CASE
        WHEN week_ago.data_type IS NOT NULL
            THEN totals.total_popularity - coalesce(earlier.total_popularity, 0)
    END AS total_popularity_change_7d,
    week_ago.data_type IS NULL AS gap_7d
FROM totals
JOIN lists
    ON lists.data_type = totals.data_type
    AND lists.dt = totals.dt
LEFT JOIN lists AS week_ago
    ON week_ago.data_type = totals.data_type
    AND week_ago.dt = :day_7
LEFT JOIN totals AS earlier
    ON earlier.data_type = totals.data_type
    AND earlier.genre_id = totals.genre_id
    AND earlier.dt = :day_7
LEFT JOIN spelt
    ON spelt.id = totals.genre_id
    AND spelt.place = 1
LEFT JOIN contracted
    ON contracted.id = totals.genre_id
WHERE totals.dt = :day
ORDER BY totals.data_type, totals.genre_id
