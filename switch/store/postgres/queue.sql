-- Named queries of payments that wait for an opening. Whoever comes to it releases them, whichever worker accepted them; a
-- status changes only from the one it must have, so of two workers one moves a payment.

-- name: queued
WITH stale AS (  -- cancelled meanwhile
    DELETE FROM queued q USING payment p
    WHERE q.opens_at <= $1 AND p.payment_id = q.payment_id AND p.received_on = q.received_on AND p.status <> 'queued'
)
SELECT p.*, s.standing, d.own, d.claims, q.opens_at
FROM queued q JOIN payment p ON p.payment_id = q.payment_id AND p.received_on = q.received_on
LEFT JOIN decision d ON d.received_on = p.received_on AND d.xid = p.xid AND d.position = p.position
LEFT JOIN standing s ON s.standing_id = d.standing_id
WHERE q.opens_at <= $1 AND p.status = 'queued'
ORDER BY q.opens_at, q.payment_id LIMIT $2

-- name: next_opening
SELECT min(opens_at) FROM queued

-- name: release
-- $1 to $3: ids, days, deadlines; $4, $5: from which status to which (payment.status); $6: whose they are now; $7: when.
WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::date[], $3::timestamptz[]) WITH ORDINALITY x (payment_id, received_on, deadline_at, place)
), moved AS (
    UPDATE payment p SET status = $5, detail = '{}', incarnation = $6, moves = p.moves || pg_current_xact_id(),
        deadline_at = x.deadline_at
    FROM asked x
    WHERE p.payment_id = x.payment_id AND p.received_on = x.received_on AND p.status = $4
    RETURNING p.payment_id, p.received_on, p.participant, p.uetr, p.status, p.xid, p.position, cardinality(p.moves) AS events,
        p.debit_currency, p.settlement_minor, p.settlement_currency, p.rail, p.deadline_at, x.place
), events AS (
    INSERT INTO event (payment_id, received_on, n, status, code, at, detail, participant, position)
    SELECT payment_id, received_on, events, status, '', $7, '{}', participant, place FROM moved
), gone AS (
    DELETE FROM queued q USING moved m WHERE q.payment_id = m.payment_id
)
SELECT m.payment_id, m.received_on, m.uetr, m.status, m.debit_currency, m.settlement_minor, m.settlement_currency, m.rail,
    m.deadline_at, (SELECT d.sealed FROM decision d
                    WHERE d.xid = m.xid AND d.position = m.position AND d.received_on = m.received_on) AS sealed
FROM moved m ORDER BY m.place

-- name: put_off
-- The payment first, as whoever releases it does.
WITH moved AS (
    UPDATE payment p SET detail = x.detail
    FROM unnest($1::uuid[], $2::date[], $4::text[]) x (payment_id, received_on, detail)
    WHERE p.payment_id = x.payment_id AND p.received_on = x.received_on AND p.status = 'queued'
    RETURNING p.payment_id
)
UPDATE queued q SET opens_at = x.opens_at
FROM unnest($1::uuid[], $3::timestamptz[]) x (payment_id, opens_at), moved m
WHERE q.payment_id = x.payment_id AND q.payment_id = m.payment_id
