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

-- name: generation
SELECT generation FROM fence WHERE id = 1

-- name: world
SELECT world, (SELECT jsonb_object_agg(document, person_id) FROM person_documents) AS persons FROM fence WHERE id = 1

-- name: accept_batch
CALL accept_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)

-- name: write_payments
CALL write_payments($1, $2)

-- name: claim_identities
INSERT INTO identity (kind, key, payment_id, received_on, content_hash)
SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::date[], $5::bytea[])
ON CONFLICT DO NOTHING RETURNING kind, key, payment_id

-- name: release_identities
DELETE FROM identity i USING unnest($1::smallint[], $2::uuid[]) x (kind, key) WHERE i.kind = x.kind AND i.key = x.key

-- name: find_identities
SELECT i.kind, i.key, i.payment_id, i.received_on, i.content_hash
FROM unnest($1::smallint[], $2::uuid[]) x (kind, key) JOIN identity i USING (kind, key)

-- name: claim_quotes
SELECT quote_id, used_by FROM claim_quotes($1, $2)

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

-- name: insert_standings
INSERT INTO standing (standing_id, standing) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING

-- name: finish
-- Steps of many payments in one statement. $1 to $7: ids, days, events, instants, codes, whether it is the rail's last word,
-- and details, each joined into one text, all of one day; $8 to $13: the tables as moves (payment.status MOVES). A step that no
-- move is for changes nothing. `__day` stands for the day's partitions: through their parents each step's rows would be looked
-- for in every day there is, which cost twice the whole statement at thirty days.
WITH asked AS MATERIALIZED (  -- of a string_to_table the planner expects many rows
    SELECT x.payment_id::uuid, x.received_on::date, x.event, x.at::timestamptz, coalesce(x.code, '') AS code,
        x.last_word::boolean, x.detail, x.position
    FROM ROWS FROM (string_to_table($1, ','), string_to_table($2, ','), string_to_table($3, ','), string_to_table($4, ','),
        string_to_table($5, ','), string_to_table($6, ','), string_to_table($7, E'\x1f'))  -- one empty text splits into none
        WITH ORDINALITY x (payment_id, received_on, event, at, code, last_word, detail, position)
), moved AS (
    UPDATE payment__day p SET status = m.becomes, code = x.code, detail = CASE WHEN x.detail = '{}' THEN p.detail ELSE x.detail END,
        settled_at = CASE WHEN m.money = 'post' THEN x.at ELSE p.settled_at END, moves = p.moves || pg_current_xact_id(),
        awaits_rail = p.awaits_rail AND NOT x.last_word,
        leg_status = CASE WHEN p.leg_status = ANY (string_to_array(m.leg_statuses, ',')) THEN m.leg_becomes ELSE p.leg_status END
    FROM asked x, unnest($8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
        m (event, status, becomes, money, leg_statuses, leg_becomes)
    WHERE p.payment_id = ANY (string_to_array($1, ',')::uuid[])  -- by index, in its order, whatever the planner knows
        AND p.payment_id = x.payment_id AND p.received_on = x.received_on AND m.event || m.status = x.event || p.status  -- one move a payment: joined by event alone, four would be made of each first
    RETURNING p.payment_id, p.received_on, p.participant, p.xid, p.position AS place, cardinality(p.moves) AS events,
        p.net_claims, x.at, x.code, x.detail, x.position, m.becomes, m.money
), events AS (
    INSERT INTO event__day (payment_id, received_on, n, status, code, at, detail, participant, position)
    SELECT payment_id, received_on, events, becomes, code, at, detail, participant, position FROM moved
), claims AS (  -- the law's: all are given back, but of a payment that settles only what is still pending is posted
    SELECT m.money, coalesce(a.becomes, c.value ->> 1) AS counter, (c.value ->> 2)::bigint AS delta,
        (c.value ->> 7)::boolean AND (c.value ->> 2)::bigint >= 0 AS straight  -- claimed straight into posted
    FROM moved m
    JOIN decision__day d ON d.xid = m.xid AND d.position = m.place AND d.received_on = m.received_on
    CROSS JOIN json_array_elements(d.claims::json) c
    LEFT JOIN counter_alias a ON a.counter = c.value ->> 1
    WHERE m.money = 'void' OR (m.money = 'post' AND m.net_claims)
), lines AS MATERIALIZED (  -- pending transfers: the claims on their accounts
    SELECT m.money, t.debit_account, t.credit_account, t.amount_minor
    FROM moved m
    JOIN transfer__day t ON t.xid = m.xid AND t.position = m.place AND t.received_on = m.received_on
    WHERE m.money <> 'keep'
), sums AS (
    SELECT money, debit_account AS counter, sum(amount_minor) AS up, 0 AS straight, 0 AS down FROM lines GROUP BY money, debit_account
    UNION ALL
    SELECT money, credit_account, 0, 0, sum(amount_minor) FROM lines GROUP BY money, credit_account
    UNION ALL
    SELECT money, counter, sum(delta) FILTER (WHERE delta > 0 AND NOT straight),
        sum(delta) FILTER (WHERE straight), -sum(delta) FILTER (WHERE delta < 0)
    FROM claims WHERE NOT (straight AND money = 'post') GROUP BY money, counter  -- what is in posted is there: no write, no lock
), change AS (
    SELECT counter, coalesce(sum(up), 0)::bigint AS up, coalesce(sum(up) FILTER (WHERE money = 'post'), 0)::bigint AS up_posted,
        coalesce(sum(down), 0)::bigint AS down, coalesce(sum(down) FILTER (WHERE money = 'post'), 0)::bigint AS down_posted,
        coalesce(sum(straight), 0)::bigint AS straight
    FROM sums GROUP BY counter
), held AS MATERIALIZED (  -- along the key, as the accepting transaction locks them
    SELECT k.key FROM change c JOIN counter k ON k.key = c.counter ORDER BY k.key FOR NO KEY UPDATE OF k
), hot AS (
    UPDATE counter k SET up_pending = k.up_pending - c.up, up_posted = k.up_posted + c.up_posted - c.straight,
        down_pending = k.down_pending - c.down, down_posted = k.down_posted + c.down_posted, version = k.version + 1
    FROM held h JOIN change c ON c.counter = h.key WHERE k.key = h.key
    RETURNING k.key, k.version
), batches AS (
    INSERT INTO batch (step, counters, versions)
    SELECT 'finish', array_agg(key), array_agg(version) FROM hot HAVING count(*) > 0
)
SELECT payment_id, becomes, (SELECT count(*) FROM change) - (SELECT count(*) FROM hot) AS missing FROM moved

-- name: statuses
SELECT payment_id, status FROM payment WHERE payment_id = ANY ($1::uuid[])

-- name: force_counters
INSERT INTO counter AS k (key, up_pending, up_posted, down_pending, down_posted)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
ON CONFLICT (key) DO UPDATE SET up_pending = k.up_pending + excluded.up_pending, up_posted = k.up_posted + excluded.up_posted,
    down_pending = k.down_pending + excluded.down_pending, down_posted = k.down_posted + excluded.down_posted,
    version = k.version + 1
RETURNING k.key, k.version

-- name: hold_payment
-- What is done to one payment waits for what is being done to it: its status stays, and so do its adjustments.
SELECT p.status, d.claims FROM payment p LEFT JOIN decision d USING (received_on, xid, position)
WHERE p.payment_id = $1 FOR NO KEY UPDATE OF p

-- name: adjustments_of
SELECT step, given, given_of FROM adjustment WHERE payment_id = $1 ORDER BY n

-- name: insert_adjustment
INSERT INTO adjustment (payment_id, n, step, given, given_of, at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: end_wait
UPDATE payment SET awaits_rail = false WHERE payment_id = $1 AND received_on = $2 AND awaits_rail

-- name: insert_exception
INSERT INTO exception_record (payment_id, received_on, kind, at, detail, claims)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING payment_id

-- name: exceptions
SELECT * FROM exception_record WHERE $1::uuid IS NULL OR payment_id = $1 ORDER BY at, payment_id

-- name: exception_transfers
-- Each record's own: other records and returns of the payment have theirs beside them.
SELECT r.kind, p.status, t.* FROM exception_record r JOIN payment p USING (payment_id)
JOIN transfer t ON t.received_on = r.received_on AND t.xid = r.xid AND t.position = 0
WHERE $1::uuid IS NULL OR r.payment_id = $1 ORDER BY t.n

-- name: register
-- The one named query of machine time: leases are the database's clock.
INSERT INTO worker (incarnation, lease_until) VALUES ($1, clock_timestamp() + $2::float8 * interval '1 second')
ON CONFLICT (incarnation) DO UPDATE SET lease_until = excluded.lease_until
RETURNING ARRAY(SELECT w.incarnation FROM worker w WHERE w.lease_until < clock_timestamp() AND w.incarnation <> $1) AS lapsed,
    (SELECT count(*) FROM worker w WHERE w.lease_until >= clock_timestamp() AND w.incarnation <> $1) AS living

-- name: lock_workers
-- Waits for what they are still committing; the statements after this one see it.
SELECT incarnation FROM worker WHERE incarnation = ANY ($1::bigint[]) ORDER BY incarnation FOR UPDATE

-- name: take_over
WITH taken AS MATERIALIZED ( -- read once: joined as a plain subquery it may be run again for each row, past its limit
    SELECT payment_id, received_on FROM payment
    WHERE incarnation = ANY ($2::bigint[]) AND awaits_rail
    LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE payment p SET incarnation = $1 FROM taken
WHERE p.payment_id = taken.payment_id AND p.received_on = taken.received_on
RETURNING p.payment_id, p.received_on, p.uetr, p.status, p.debit_currency, p.settlement_minor, p.settlement_currency,
    p.rail, p.deadline_at,
    (SELECT d.sealed FROM decision d WHERE d.xid = p.xid AND d.position = p.position AND d.received_on = p.received_on) AS sealed

-- name: forget_workers
-- Only who holds nothing that awaits its rail: what another transaction had locked is taken over at the next try.
DELETE FROM worker w
WHERE incarnation = ANY ($1::bigint[]) AND NOT EXISTS (SELECT FROM payment p WHERE p.incarnation = w.incarnation AND p.awaits_rail)

-- name: legs_of
SELECT payment_id, n, rail, direction, status, deadline_at FROM leg WHERE payment_id = $1

-- name: payment
SELECT p.*, s.standing, d.own, d.claims
FROM payment p LEFT JOIN decision d USING (received_on, xid, position) LEFT JOIN standing s USING (standing_id) WHERE p.payment_id = $1

-- name: payments
SELECT p.*, s.standing, d.own, d.claims
FROM (
    SELECT * FROM payment
    WHERE ($1::text IS NULL OR participant = $1) AND (received_at, payment_id) < ($2, $3)
    ORDER BY received_at DESC, payment_id DESC LIMIT $4
) p LEFT JOIN decision d USING (received_on, xid, position) LEFT JOIN standing s USING (standing_id)
ORDER BY p.received_at DESC, p.payment_id DESC

-- name: transfers_of
-- Its own by their place, and those of its exception records, whose place is the record's.
SELECT t.*, p.status FROM payment p JOIN transfer t USING (received_on, xid, position) WHERE p.payment_id = $1
UNION ALL
SELECT t.*, p.status FROM payment p JOIN exception_record r USING (payment_id)
JOIN transfer t ON t.received_on = p.received_on AND t.xid = r.xid AND t.position = 0
WHERE p.payment_id = $1
UNION ALL -- of its returns, and of the release of those that were held
SELECT t.*, p.status FROM payment p JOIN payment_return r USING (payment_id)
JOIN transfer t ON t.received_on = p.received_on AND t.xid IN (r.xid, r.released_xid) AND t.position = 0
WHERE p.payment_id = $1 ORDER BY n

-- name: sealed_of
SELECT d.sealed FROM payment p JOIN decision d USING (received_on, xid, position) WHERE p.payment_id = $1

-- name: events_of
-- With those of the records beside it, in the stream's order.
SELECT found.xid::text, position, payment_id, participant, n, status, code, at, detail, record
FROM (
    SELECT e.xid, e.position, e.payment_id, e.participant, e.n, e.status, e.code, e.at, e.detail, 'payment' AS record
    FROM payment p JOIN event e ON e.received_on = p.received_on AND e.xid = ANY (p.moves) AND e.payment_id = p.payment_id
    WHERE p.payment_id = $1
    UNION ALL
    SELECT xid, position, payment_id, participant, 0, status, code, at, detail, record FROM record_event WHERE payment_id = $1
) found ORDER BY found.xid, found.position

-- name: stream
-- Rows of transactions that may still be open are left for the next read: nothing is ever skipped.
SELECT found.xid::text, position, payment_id, participant, n, status, code, at, detail, record
FROM (
    (SELECT xid, position, payment_id, participant, n, status, code, at, detail, 'payment' AS record FROM event
    WHERE (xid, position) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        AND ($3::text IS NULL OR participant = $3)
    ORDER BY xid, position LIMIT $4)
    UNION ALL
    (SELECT xid, position, payment_id, participant, 0, status, code, at, detail, record FROM record_event
    WHERE (xid, position) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        AND ($3::text IS NULL OR participant = $3)
    ORDER BY xid, position LIMIT $4)
) found ORDER BY found.xid, found.position LIMIT $4  -- of the rows found: the column shown is a text

-- name: sums
SELECT asked.key, c.up_pending, c.up_posted, c.down_pending, c.down_posted, c.latched, c.version
FROM unnest($1::text[]) AS asked (key)
LEFT JOIN counter_alias a ON a.counter = asked.key
JOIN counter c ON c.key = coalesce(a.becomes, asked.key)

-- name: counters
SELECT key, up_pending, up_posted, down_pending, down_posted, latched, version FROM counter WHERE key >= $1 AND key < $2 ORDER BY key

-- name: key_owner
SELECT participant FROM participant_key WHERE key_hash = $1

-- name: save_key
INSERT INTO participant_key (key_hash, participant) VALUES ($1, $2) ON CONFLICT (key_hash) DO UPDATE SET participant = excluded.participant
