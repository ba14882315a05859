-- The directory's records. Only rare calls write them; a payment reads none: workers hold them in memory.

-- name: save
-- One statement under the fence's exclusive lock: revisions are committed in their order, so no reader passes over one.
WITH grown AS (
    UPDATE fence SET generation = generation + 1,
        world = world || jsonb_build_object('directory_revision', (generation + 1)::text)
    WHERE id = 1 AND generation = $1 RETURNING generation
), written AS (
    INSERT INTO directory_record (key, sealed, revision)
    SELECT x.key, x.sealed, grown.generation FROM unnest($2::text[], $3::bytea[]) x (key, sealed) CROSS JOIN grown
    ORDER BY x.key
    ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, revision = excluded.revision
)
SELECT generation FROM grown

-- name: later
-- WITH TIES: those of the last revision are not parted.
SELECT key, sealed, revision FROM directory_record WHERE revision > $1
ORDER BY revision FETCH FIRST $2 ROWS WITH TIES
