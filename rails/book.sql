-- A rail's own book: one schema for each sandbox and rail, found through search_path. Rows are written once and never
-- changed; all times are business times handed in.

-- name: lock
SELECT pg_advisory_xact_lock(hashtext($1))

-- name: create
CREATE TABLE IF NOT EXISTS book (
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    outcome smallint NOT NULL CHECK (outcome BETWEEN 0 AND 3), -- 0 unknown (tombstone), 1 settled, 2 credited, 3 rejected
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
CREATE INDEX IF NOT EXISTS book_final ON book USING brin (final_at) WITH (pages_per_range = 16, autosummarize = on)

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

-- name: find
SELECT uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
FROM book
JOIN unnest($1::uuid[], $2::smallint[]) AS asked (uetr, leg) USING (uetr, leg)

-- name: final_since
SELECT uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
FROM book
WHERE final_at >= $1 AND outcome <> 0
