-- What becomes of legs after they have settled, in the rail's own schema, found through search_path. Rows are written once
-- and never changed; all times are business times handed in.

-- name: create
CREATE TABLE recall_leg ( -- how the creditor agent of a magic account answers a recall
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    answers text NOT NULL CHECK (answers IN ('accepted', 'rejected', 'slow', 'part', 'mute')),
    reason_code text NOT NULL,
    PRIMARY KEY (uetr, leg),
    CHECK ((answers = 'rejected') = (reason_code <> ''))
);
CREATE TABLE recall_case (
    recall_id uuid PRIMARY KEY,
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected')),
    reason_code text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz NOT NULL,
    CHECK ((status = 'rejected') = (reason_code <> '')),
    CHECK ((status = 'accepted') = (amount_minor > 0)),
    CHECK (asked_at <= answered_at)
);
CREATE INDEX recall_case_leg ON recall_case (uetr, leg);
CREATE TABLE unasked_return (
    return_id uuid PRIMARY KEY,
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    reason_code text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX unasked_return_at ON unasked_return (at, return_id);
CREATE INDEX unasked_return_leg ON unasked_return (uetr, leg)

-- name: remember_legs
INSERT INTO recall_leg (uetr, leg, answers, reason_code)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING

-- name: remember_unasked
INSERT INTO unasked_return (return_id, uetr, leg, amount_minor, currency, reason_code, at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[])
ON CONFLICT DO NOTHING

-- name: legs
SELECT uetr, leg, answers, reason_code FROM recall_leg JOIN unnest($1::uuid[], $2::smallint[]) AS asked (uetr, leg) USING (uetr, leg)

-- name: insert
INSERT INTO recall_case (recall_id, uetr, leg, status, reason_code, amount_minor, currency, asked_at, answered_at)
SELECT * FROM unnest(
    $1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[], $9::timestamptz[]
)
ON CONFLICT DO NOTHING

-- name: cases
SELECT recall_id, uetr, leg, status, reason_code, amount_minor, currency, asked_at, answered_at
FROM recall_case WHERE recall_id = ANY ($1::uuid[])

-- name: given_back
SELECT (SELECT coalesce(sum(amount_minor), 0) FROM recall_case WHERE uetr = $1 AND leg = $2)
    + (SELECT coalesce(sum(amount_minor), 0) FROM unasked_return WHERE uetr = $1 AND leg = $2)

-- name: unasked
SELECT return_id, uetr, leg, amount_minor, currency, reason_code, at FROM unasked_return
WHERE (at, return_id) > ($1, $2) AND at <= $3 ORDER BY at, return_id LIMIT $4

-- name: next_unasked
SELECT min(at) FROM unasked_return WHERE at > $1
