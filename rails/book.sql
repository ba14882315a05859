-- A rail's own book: one schema for each sandbox and rail, found through search_path. Rows are written once and never
-- changed; all times are business times handed in. What is rare stands in tables of its own: what is odd about an entry's
-- reports, and what an operator has dictated in an entry's place.

-- name: lock
SELECT pg_advisory_xact_lock(hashtext($1))

-- name: is_made
SELECT to_regclass('book') IS NOT NULL

-- name: layout
-- A digest of the scripts that made the schema; NULL where a version before there was one made it.
SELECT obj_description(to_regnamespace($1), 'pg_namespace')

-- name: create
CREATE TABLE book (
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    outcome smallint NOT NULL CHECK (outcome BETWEEN 0 AND 5), -- 0 unknown (tombstone), 1 settled, 2 credited, 3 rejected,
    -- 4 blocked, 5 pending (dictated alone)
    reporting smallint NOT NULL CHECK (reporting BETWEEN 0 AND 3), -- 0 silent, 1 once, 2 twice, 3 contradicted
    reason_code text,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    received_at timestamptz NOT NULL,
    settled_at timestamptz, -- where settlement is reported before the credit
    final_at timestamptz NOT NULL,
    PRIMARY KEY (uetr, leg),
    CHECK ((outcome = 3) = (reason_code IS NOT NULL)),
    CHECK ((outcome = 0) = (amount_minor = 0)),
    CHECK (settled_at IS NULL OR outcome = 2),
    CHECK (received_at <= coalesce(settled_at, final_at) AND coalesce(settled_at, final_at) <= final_at)
);
-- Rows arrive nearly in the order of final_at: a block range index costs an insert almost nothing.
CREATE INDEX book_final ON book USING brin (final_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE TABLE odd (
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    reported_after interval NOT NULL,
    skew interval NOT NULL,
    wrong_by_minor bigint NOT NULL,
    overtaken_by interval NOT NULL,
    PRIMARY KEY (uetr, leg)
);
CREATE TABLE dictated (
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    outcome smallint NOT NULL CHECK (outcome BETWEEN 1 AND 5),
    reporting smallint NOT NULL CHECK (reporting IN (0, 1)),
    reason_code text,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    received_at timestamptz NOT NULL,
    settled_at timestamptz CHECK (settled_at IS NULL),
    final_at timestamptz NOT NULL,
    PRIMARY KEY (uetr, leg),
    CHECK ((outcome = 3) = (reason_code IS NOT NULL))
)

-- name: insert
INSERT INTO book (
    uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
)
SELECT *
FROM unnest(
    $1::uuid[], $2::smallint[], $3::smallint[], $4::smallint[], $5::text[], $6::bigint[], $7::text[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[]
)
ON CONFLICT DO NOTHING

-- name: insert_odd
INSERT INTO odd (uetr, leg, reported_after, skew, wrong_by_minor, overtaken_by)
SELECT *
FROM unnest($1::uuid[], $2::smallint[], $3::interval[], $4::interval[], $5::bigint[], $6::interval[])
ON CONFLICT DO NOTHING

-- name: find
SELECT uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
FROM book
JOIN unnest($1::uuid[], $2::smallint[]) AS asked (uetr, leg) USING (uetr, leg)

-- name: find_dictated
SELECT uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
FROM dictated
JOIN unnest($1::uuid[], $2::smallint[]) AS asked (uetr, leg) USING (uetr, leg)

-- name: final_since
SELECT uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
FROM book
WHERE final_at >= $1 AND outcome <> 0 AND NOT EXISTS (
    SELECT FROM dictated WHERE dictated.uetr = book.uetr AND dictated.leg = book.leg
)
UNION ALL
SELECT uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
FROM dictated
WHERE final_at >= $1

-- name: oddities
SELECT uetr, leg, reported_after, skew, wrong_by_minor, overtaken_by
FROM odd
JOIN book USING (uetr, leg)
WHERE book.final_at >= $1 AND NOT EXISTS (
    SELECT FROM dictated WHERE dictated.uetr = odd.uetr AND dictated.leg = odd.leg
)

-- name: dictate
INSERT INTO dictated (
    uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (uetr, leg) DO UPDATE
SET outcome = excluded.outcome, reporting = excluded.reporting, reason_code = excluded.reason_code,
    received_at = excluded.received_at, final_at = excluded.final_at
