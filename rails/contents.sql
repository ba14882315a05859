-- What was asked of a rail under each key, in the rail's own schema, found through search_path. Rows are written once.

-- name: create
CREATE TABLE content (
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 16),
    PRIMARY KEY (uetr, leg)
)

-- name: keep
INSERT INTO content (uetr, leg, digest)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::bytea[])
ON CONFLICT DO NOTHING

-- name: kept
SELECT uetr, leg, digest
FROM content
JOIN unnest($1::uuid[], $2::smallint[]) AS asked (uetr, leg) USING (uetr, leg)
