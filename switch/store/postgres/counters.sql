-- Counters. Arrays come sorted by key, and every query that locks does so along the key: no two can wait for each other.

-- name: reserve
-- The sums of a whole batch at once, each column joined into one text: half the time of arrays in Python. No key holds a
-- comma; one that did would leave sums null, which the table refuses. The guard stands twice, for a counter's first row
-- and for a row that is there; a row that fails it does not come back. A bound is empty (null) where nothing is tested,
-- and `latching` makes the upper test strict. What came back is noted as the transaction's batch and counted.
WITH hot AS (INSERT INTO counter AS held (key, up_pending, up_posted, down_pending, latching, ceiling, floor, version)
SELECT key, up_pending, up_posted, down_pending, latching, ceiling, floor, 1
FROM unnest(string_to_array($1, ','), string_to_array($2, ',')::bigint[], string_to_array($3, ',')::bigint[],
    string_to_array($4, ',')::bigint[], string_to_array($5, ',')::boolean[],
    string_to_array($6, ',', '')::bigint[], string_to_array($7, ',', '')::bigint[])
    AS batch (key, up_pending, up_posted, down_pending, latching, ceiling, floor)
WHERE (
        (batch.ceiling IS NULL OR batch.up_pending + batch.up_posted + batch.latching::int <= batch.ceiling)
        AND (batch.floor IS NULL OR -batch.down_pending >= batch.floor)
    )
    OR (SELECT true FROM counter WHERE counter.key = batch.key) -- the other guard's; as a scalar it is never hashed
ON CONFLICT (key) DO UPDATE SET
    up_pending = held.up_pending + excluded.up_pending,
    up_posted = held.up_posted + excluded.up_posted,
    down_pending = held.down_pending + excluded.down_pending,
    latching = excluded.latching,
    ceiling = coalesce(excluded.ceiling, held.ceiling),
    floor = coalesce(excluded.floor, held.floor),
    version = held.version + 1
WHERE (
        excluded.ceiling IS NULL
        OR (
            held.latched_at IS NULL
            AND held.up_pending + held.up_posted - held.down_posted
                + excluded.up_pending + excluded.up_posted + excluded.latching::int <= excluded.ceiling
        )
    )
    AND (
        excluded.floor IS NULL
        OR held.up_posted - held.down_pending - held.down_posted - excluded.down_pending >= excluded.floor
    )
RETURNING key, version
), noted AS (
    INSERT INTO batch (step, counters, versions) SELECT 'accept', array_agg(key), array_agg(version) FROM hot HAVING count(*) > 0
)
SELECT count(*) FROM hot

-- name: note
INSERT INTO batch (step, counters, versions) VALUES ($1, $2, $3)

-- name: hold
-- Makes the rows that are missing and locks the others in one pass: DO UPDATE locks a row even where its WHERE is false.
INSERT INTO counter (key)
SELECT key FROM unnest($1::text[]) AS batch (key)
ON CONFLICT (key) DO UPDATE SET version = counter.version WHERE false

-- name: read
SELECT key, up_pending, up_posted, down_pending, down_posted, latched_at IS NOT NULL, version
FROM counter
WHERE key = ANY ($1::text[])

-- name: write
-- The sums of rows that `hold` has locked.
UPDATE counter SET
    up_pending = new.up_pending,
    up_posted = new.up_posted,
    down_pending = new.down_pending,
    down_posted = new.down_posted,
    latched_at = CASE WHEN new.latched THEN coalesce(counter.latched_at, $10) END,
    latching = new.latching,
    ceiling = coalesce(new.ceiling, counter.ceiling),
    floor = coalesce(new.floor, counter.floor),
    version = counter.version + 1
FROM unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[], $7::boolean[], $8::bigint[], $9::bigint[]
) AS new (key, up_pending, up_posted, down_pending, down_posted, latched, latching, ceiling, floor)
WHERE counter.key = new.key
RETURNING counter.key, counter.version

-- name: change
-- Adds to rows that are there and makes none. The locks are taken along the key before any row is written: a bare
-- UPDATE … FROM unnest locks in the plan's order, whatever the order of the array.
WITH held AS MATERIALIZED (
    SELECT key FROM counter WHERE key = ANY ($1::text[]) ORDER BY key FOR NO KEY UPDATE
)
UPDATE counter SET
    up_pending = counter.up_pending + change.up_pending,
    up_posted = counter.up_posted + change.up_posted,
    down_pending = counter.down_pending + change.down_pending,
    down_posted = counter.down_posted + change.down_posted,
    version = counter.version + 1
FROM held
JOIN unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS change (key, up_pending, up_posted, down_pending, down_posted) USING (key)
WHERE counter.key = held.key
RETURNING counter.key, counter.version
