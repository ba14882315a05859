-- Counters. Arrays come sorted by key, and every query that locks does so along the key: no two can wait for each other.

-- name: note
INSERT INTO batch (step, counters, versions) VALUES ($1, $2, $3)

-- name: hold
-- Makes the rows that are missing and locks the others in one pass: DO UPDATE locks a row even where its WHERE is false.
INSERT INTO counter (key)
SELECT key FROM unnest($1::text[]) AS batch (key)
ON CONFLICT (key) DO UPDATE SET version = counter.version WHERE false

-- name: read
SELECT key, up_pending, up_posted, down_pending, down_posted, latched, version
FROM counter
WHERE key = ANY ($1::text[])

-- name: write
-- The sums of rows that `hold` has locked.
UPDATE counter SET
    up_pending = new.up_pending,
    up_posted = new.up_posted,
    down_pending = new.down_pending,
    down_posted = new.down_posted,
    latched = new.latched,
    latched_at = CASE WHEN new.latched = '' THEN NULL WHEN new.latched = counter.latched THEN counter.latched_at ELSE $10 END,
    latching = new.latching,
    ceiling = coalesce(new.ceiling, counter.ceiling),
    floor = coalesce(new.floor, counter.floor),
    version = counter.version + 1
FROM unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::bigint[]
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
