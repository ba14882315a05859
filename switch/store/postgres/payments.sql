-- Named queries of the payment store. A status changes only from the status we believe it has; hot rows come last.

-- name: ensure_day
SELECT ensure_day($1)

-- name: share_fence
-- With the worker's own lease row, which whoever takes over locks and deletes: a worker that was given up accepts nothing.
SELECT f.generation FROM fence f CROSS JOIN worker w WHERE f.id = 1 AND w.incarnation = $1
FOR SHARE OF f FOR KEY SHARE OF w

-- name: advance_fence
UPDATE fence SET generation = generation + 1, world = world || $1::jsonb
WHERE id = 1 AND ($2::bigint IS NULL OR generation = $2) RETURNING generation

-- name: world
SELECT generation, world FROM fence WHERE id = 1

-- name: claim_identities
INSERT INTO identity (kind, key, payment_id, received_on, content_hash)
SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::uuid[], $4::date[], $5::bytea[])
ON CONFLICT DO NOTHING RETURNING kind, key, payment_id

-- name: release_identities
DELETE FROM identity i USING unnest($1::smallint[], $2::bytea[]) x (kind, key) WHERE i.kind = x.kind AND i.key = x.key

-- name: find_identities
SELECT i.kind, i.key, i.payment_id, i.received_on, i.content_hash
FROM unnest($1::smallint[], $2::bytea[]) x (kind, key) JOIN identity i USING (kind, key)

-- name: claim_quotes
UPDATE quote q SET used_by = x.payment_id FROM unnest($1::text[], $2::uuid[]) x (quote_id, payment_id)
WHERE q.quote_id = x.quote_id AND q.used_by IS NULL RETURNING q.quote_id, q.used_by

-- name: release_quotes
UPDATE quote SET used_by = NULL WHERE used_by = ANY ($1::uuid[])

-- name: save_quotes
INSERT INTO quote (quote_id, participant, price, expires_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[]) ON CONFLICT DO NOTHING

-- name: quotes
SELECT quote_id, participant, price::text, expires_at, used_by FROM quote WHERE quote_id = ANY ($1::text[])

-- name: insert_transfers
INSERT INTO transfer (payment_id, received_on, n, debit_account, credit_account, amount_minor, currency, line, alone, position)
SELECT x.*, true, 0 FROM unnest($1::uuid[], $2::date[], $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[]) x

-- name: insert_batch
INSERT INTO batch (step, counters, versions) VALUES ($1, $2, $3)

-- name: finish
-- One event for many payments of one day: $1 to $4 ids, instants, codes and details, each joined into one text; $6 from-statuses, $7 to, $8 what happens to money ('post', 'void', 'keep'),
-- $9 and $10 the leg's from-statuses and to (to = '' leaves it).
WITH asked AS (
    SELECT payment_id, at, coalesce(code, '') AS code, detail, position  -- one empty text splits into none
    FROM unnest(string_to_array($1, ',')::uuid[], string_to_array($2, ',')::timestamptz[],
        string_to_array($3, ','), string_to_array($4, E'\x1f')) WITH ORDINALITY x (payment_id, at, code, detail, position)
), moved AS (
    UPDATE payment p SET status = $7, code = x.code, detail = CASE WHEN x.detail = '{}' THEN p.detail ELSE x.detail END,
        settled_at = CASE WHEN $8 = 'post' THEN x.at ELSE p.settled_at END, moves = p.moves || pg_current_xact_id()
    FROM asked x
    WHERE p.payment_id = ANY (string_to_array($1, ',')::uuid[])  -- by index, in its order, whatever the planner knows
        AND p.payment_id = x.payment_id AND p.received_on = $5 AND p.status = ANY ($6::text[])
    RETURNING p.payment_id, p.participant, p.xid, p.position AS place, cardinality(p.moves) AS events, x.at, x.code,
        x.detail, x.position
), moved_legs AS (
    UPDATE leg l SET status = $10 FROM moved m
    WHERE $10 <> '' AND l.xid = m.xid AND l.position = m.place AND l.n = 1 AND l.received_on = $5 AND l.status = ANY ($9::text[])
), events AS (
    INSERT INTO event (payment_id, received_on, n, status, code, at, detail, participant, position)
    SELECT m.payment_id, $5, m.events, $7, m.code, m.at, m.detail, m.participant, m.position FROM moved m
), amounts AS (
    SELECT c.counter, coalesce(sum(c.delta) FILTER (WHERE c.delta > 0), 0)::bigint AS up,
        coalesce(-sum(c.delta) FILTER (WHERE c.delta < 0), 0)::bigint AS down, c.gross
    FROM moved m
    JOIN decision d ON d.xid = m.xid AND d.position = m.place AND d.received_on = $5
    CROSS JOIN unnest(d.claim_counters, d.claim_deltas, d.claim_gross) c (counter, delta, gross)
    WHERE $8 = 'void' OR ($8 = 'post' AND NOT c.gross)
    GROUP BY c.counter, c.gross
), hot AS (  -- magnitudes in, signs by what happens: the row is there since the claim was admitted
    INSERT INTO counter AS k (key, up_pending, up_posted, down_pending, down_posted)
    SELECT counter, CASE WHEN gross THEN 0 ELSE up END, CASE WHEN gross THEN up ELSE 0 END,
        CASE WHEN gross THEN 0 ELSE down END, CASE WHEN gross THEN down ELSE 0 END
    FROM amounts ORDER BY counter COLLATE "C"  -- as the accepting transaction locks them
    ON CONFLICT (key) DO UPDATE SET
        up_pending = k.up_pending - excluded.up_pending,
        up_posted = k.up_posted - excluded.up_posted + CASE WHEN $8 = 'post' THEN excluded.up_pending ELSE 0 END,
        down_pending = k.down_pending - excluded.down_pending,
        down_posted = k.down_posted - excluded.down_posted + CASE WHEN $8 = 'post' THEN excluded.down_pending ELSE 0 END,
        version = k.version + 1
    RETURNING k.key, k.version
), batches AS (
    INSERT INTO batch (step, counters, versions)
    SELECT $8, array_agg(key), array_agg(version) FROM hot HAVING count(*) > 0
)
SELECT payment_id, (SELECT min(version) FROM hot) AS version_min FROM moved

-- name: force_counters
INSERT INTO counter AS k (key, up_pending, up_posted, down_pending, down_posted)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
ON CONFLICT (key) DO UPDATE SET up_pending = k.up_pending + excluded.up_pending, up_posted = k.up_posted + excluded.up_posted,
    down_pending = k.down_pending + excluded.down_pending, down_posted = k.down_posted + excluded.down_posted,
    version = k.version + 1
RETURNING k.key, k.version

-- name: insert_exception
INSERT INTO exception_record (payment_id, received_on, kind, at, detail, claim_rules, claim_counters, claim_deltas)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING payment_id

-- name: exceptions
SELECT * FROM exception_record WHERE $1::uuid IS NULL OR payment_id = $1 ORDER BY at, payment_id

-- name: register
-- The one named query of machine time: leases are the database's clock.
INSERT INTO worker (incarnation, lease_until) VALUES ($1, clock_timestamp() + $2::float8 * interval '1 second')
ON CONFLICT (incarnation) DO UPDATE SET lease_until = excluded.lease_until
RETURNING ARRAY(SELECT w.incarnation FROM worker w WHERE w.lease_until < clock_timestamp() AND w.incarnation <> $1) AS lapsed

-- name: lock_workers
-- Waits for what they are still committing; the statements after this one see it.
SELECT incarnation FROM worker WHERE incarnation = ANY ($1::bigint[]) ORDER BY incarnation FOR UPDATE

-- name: take_over
WITH taken AS MATERIALIZED ( -- read once: joined as a plain subquery it may be run again for each row, past its limit
    SELECT payment_id, received_on FROM payment
    WHERE incarnation = ANY ($2::bigint[])
        AND (
            status IN ('queued', 'accepted', 'submitted', 'in_doubt') OR (status = 'settled' AND expects_credit)
            -- what an operator has rejected the rail may have paid: asked about until an exception record says so
            OR (status = 'rejected' AND starts_with(detail, $4) AND NOT EXISTS (
                SELECT FROM exception_record x WHERE x.payment_id = payment.payment_id AND x.kind = $5
            ))
        )
    LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE payment p SET incarnation = $1 FROM taken
WHERE p.payment_id = taken.payment_id AND p.received_on = taken.received_on
RETURNING p.payment_id, p.received_on, p.uetr, p.status, p.debit_currency, p.settlement_minor, p.settlement_currency,
    (SELECT sealed FROM message m
     WHERE m.xid = p.xid AND m.position = p.position AND m.received_on = p.received_on AND m.n = 1) AS sealed

-- name: forget_workers
-- Only who holds nothing unfinished: what another transaction had locked is taken over at the next try.
DELETE FROM worker w WHERE incarnation = ANY ($1::bigint[]) AND NOT EXISTS (
    SELECT FROM payment p WHERE p.incarnation = w.incarnation
        AND (status IN ('queued', 'accepted', 'submitted', 'in_doubt') OR (status = 'settled' AND expects_credit))
)

-- name: legs_of
SELECT l.payment_id, l.n, l.rail, l.direction, l.status, l.deadline_at
FROM payment p JOIN leg l USING (received_on, xid, position) WHERE p.payment_id = ANY ($1::uuid[]) ORDER BY l.payment_id, l.n

-- name: payment
SELECT p.*, d.found, d.claim_rules, d.claim_counters, d.claim_deltas, d.claim_bounds, d.claim_gross
FROM payment p LEFT JOIN decision d USING (received_on, xid, position) WHERE p.payment_id = $1

-- name: payments
SELECT p.*, d.found, d.claim_rules, d.claim_counters, d.claim_deltas, d.claim_bounds, d.claim_gross
FROM (
    SELECT * FROM payment
    WHERE ($1::text IS NULL OR participant = $1) AND (received_at, payment_id) < ($2, $3)
    ORDER BY received_at DESC, payment_id DESC LIMIT $4
) p LEFT JOIN decision d USING (received_on, xid, position)
ORDER BY p.received_at DESC, p.payment_id DESC

-- name: transfers_of
-- Its own by their place, and those of its exception records, whose place is the record's.
SELECT t.*, p.status FROM payment p JOIN transfer t USING (received_on, xid, position) WHERE p.payment_id = $1
UNION ALL
SELECT t.*, p.status FROM payment p JOIN exception_record r USING (payment_id)
JOIN transfer t ON t.received_on = p.received_on AND t.xid = r.xid AND t.position = 0
WHERE p.payment_id = $1 ORDER BY n

-- name: sealed_of
SELECT m.sealed FROM payment p JOIN message m USING (received_on, xid, position) WHERE p.payment_id = $1 AND m.n = 1

-- name: events_of
SELECT e.xid::text, e.position, e.payment_id, e.participant, e.n, e.status, e.code, e.at, e.detail
FROM payment p JOIN event e ON e.received_on = p.received_on AND e.xid = ANY (p.moves) AND e.payment_id = p.payment_id
WHERE p.payment_id = $1 ORDER BY e.n

-- name: stream
-- Rows of transactions that may still be open are left for the next read: nothing is ever skipped.
SELECT xid::text, position, payment_id, participant, n, status, code, at, detail FROM event
WHERE (xid, position) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    AND ($3::text IS NULL OR participant = $3)
ORDER BY event.xid, event.position LIMIT $4  -- of the table: the column shown is a text

-- name: sums
SELECT key, up_pending, up_posted, down_pending, down_posted, latched, version FROM counter WHERE key = ANY ($1::text[])

-- name: counters
SELECT key, up_pending, up_posted, down_pending, down_posted, latched, version FROM counter WHERE key >= $1 AND key < $2 ORDER BY key

-- name: key_owner
SELECT participant FROM participant_key WHERE key_hash = $1

-- name: save_key
INSERT INTO participant_key (key_hash, participant) VALUES ($1, $2) ON CONFLICT (key_hash) DO UPDATE SET participant = excluded.participant
