-- Named queries of recalls and returns. The payment's row is locked first (hold_standing), counters last and along their key.

-- name: hold_standing
-- What is done to one payment waits for what is being done to it.
SELECT p.status, p.settled_at, p.settlement_minor, p.settlement_currency, p.received_on, p.participant, d.claims
FROM payment p LEFT JOIN decision d USING (received_on, xid, position)
WHERE p.payment_id = $1 FOR NO KEY UPDATE OF p

-- name: come_back
-- What counts of the original without return $2, and the number of the next one.
SELECT coalesce(sum(counted_minor) FILTER (WHERE return_id IS DISTINCT FROM $2), 0)::bigint AS counted, coalesce(max(n), 0) + 1 AS n
FROM payment_return WHERE payment_id = $1

-- name: under_way
SELECT recall_id FROM recall WHERE payment_id = $1 AND state IN ('requested', 'pending', 'accepted')

-- name: recall
SELECT * FROM recall WHERE recall_id = $1

-- name: hold_recall
SELECT * FROM recall WHERE recall_id = $1 FOR NO KEY UPDATE

-- name: recalls
SELECT * FROM recall WHERE payment_id = $1 ORDER BY requested_at, recall_id

-- name: insert_recall
INSERT INTO recall (
    recall_id, payment_id, received_on, participant, rail, uetr, leg, reason_code, amount_minor, currency, reversal,
    content_hash, sealed, state, code, requested_at, answered_at, ask_at, tries
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (recall_id) DO NOTHING RETURNING recall_id

-- name: due_recalls
SELECT * FROM recall WHERE ask_at <= $1 ORDER BY ask_at, recall_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED

-- name: ask_later
UPDATE recall r SET ask_at = x.ask_at, tries = r.tries + 1
FROM unnest($1::uuid[], $2::timestamptz[]) AS x (recall_id, ask_at) WHERE r.recall_id = x.recall_id

-- name: next_recall
SELECT min(ask_at) FROM recall WHERE ask_at IS NOT NULL

-- name: move_recall
-- Only from the state it is believed to have.
UPDATE recall SET state = $3, code = $4, answered_at = $5::timestamptz, ask_at = CASE WHEN $5::timestamptz IS NULL THEN ask_at END
WHERE recall_id = $1 AND state = $2

-- name: return
SELECT * FROM payment_return WHERE return_id = $1

-- name: returns
SELECT * FROM payment_return WHERE payment_id = $1 ORDER BY n

-- name: returns_in
SELECT * FROM payment_return WHERE state = $1 AND (booked_at, return_id) < ($2, $3) ORDER BY booked_at DESC, return_id DESC LIMIT $4

-- name: insert_return
INSERT INTO payment_return (
    return_id, payment_id, received_on, participant, n, recall_id, rail, uetr, leg, amount_minor, currency, charge_minor,
    reason_code, at, booked_at, state, why, original_minor, before_minor, counted_minor, moved, credited_minor,
    credited_currency, sold_minor, bought_minor, market, provider, rate, bears, mode, share, share_of
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
    $27, $28, $29, $30, $31, $32)
ON CONFLICT (return_id) DO NOTHING RETURNING return_id

-- name: release_return
UPDATE payment_return SET state = $2, before_minor = $3, counted_minor = $4, credited_minor = $5, credited_currency = $6,
    sold_minor = $7, bought_minor = $8, market = $9, provider = $10, rate = $11, bears = $12, mode = $13, share = $14,
    share_of = $15, released_at = $16, released_xid = pg_current_xact_id()
WHERE return_id = $1 AND state = 'suspended'
