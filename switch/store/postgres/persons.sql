-- Linking two documents (design 6): one transaction under the fence's exclusive lock, so that no admission runs meanwhile.

-- name: hold_fence
SELECT generation FROM fence WHERE id = 1 FOR UPDATE

-- name: share_fence
SELECT generation FROM fence WHERE id = 1 FOR SHARE

-- name: persons_of
SELECT document, person_id FROM person_documents WHERE document = ANY ($1::text[])

-- name: join_persons
-- The documents $1 and $2 and all that belong to person $4 become person $3's.
WITH others AS (
    UPDATE person_documents SET person_id = $3 WHERE person_id = $4
)
INSERT INTO person_documents (document, person_id) VALUES ($1, $3), ($2, $3)
ON CONFLICT (document) DO NOTHING -- who stands there already is of the one person or among the others

-- name: hold_counters
-- The counters of both persons, rule|person|window or rule|person@institution|window, locked along the key as all lock them.
-- It reads every counter: linking is rare, and an index for it would cost each payment.
SELECT key FROM counter WHERE split_part(split_part(key, '|', 2), '@', 1) IN ($1, $2) ORDER BY key FOR NO KEY UPDATE

-- name: move_counters
-- All that person $2 has used is added to what person $1 has, window by window. The emptied rows stay: a finish that does not
-- know of the link yet meets their zeros and is refused by the table.
WITH source AS MATERIALIZED (
    SELECT *, replace(key, '|' || $2, '|' || $1) AS moved_to
    FROM counter WHERE split_part(split_part(key, '|', 2), '@', 1) = $2
), emptied AS (
    UPDATE counter k SET up_pending = 0, up_posted = 0, down_pending = 0, down_posted = 0, latched = '', latched_at = NULL,
        version = k.version + 1
    FROM source s WHERE k.key = s.key
    RETURNING k.key, k.version
), added AS (
    INSERT INTO counter AS k (key, up_pending, up_posted, down_pending, down_posted, version, latched, latched_at, latching, ceiling, floor)
    SELECT moved_to, up_pending, up_posted, down_pending, down_posted, 1, latched, latched_at, latching, ceiling, floor FROM source
    ON CONFLICT (key) DO UPDATE SET
        up_pending = k.up_pending + excluded.up_pending,
        up_posted = k.up_posted + excluded.up_posted,
        down_pending = k.down_pending + excluded.down_pending,
        down_posted = k.down_posted + excluded.down_posted,
        version = k.version + 1,
        latched = CASE WHEN 'window' IN (k.latched, excluded.latched) THEN 'window' ELSE greatest(k.latched, excluded.latched) END,
        latched_at = least(k.latched_at, excluded.latched_at),
        latching = greatest(k.latching, excluded.latching),
        ceiling = least(k.ceiling, excluded.ceiling),
        floor = greatest(k.floor, excluded.floor)
    RETURNING k.key, k.version
), chained AS (
    UPDATE counter_alias a SET becomes = s.moved_to FROM source s WHERE a.becomes = s.key
), aliased AS (
    INSERT INTO counter_alias (counter, becomes, moved_to) SELECT key, moved_to, moved_to FROM source
)
INSERT INTO batch (step, counters, versions)
SELECT 'link', array_agg(key), array_agg(version) FROM (SELECT * FROM emptied UNION ALL SELECT * FROM added) written
HAVING count(*) > 0

-- name: aliases
SELECT counter, becomes FROM counter_alias WHERE counter = ANY ($1::text[])
