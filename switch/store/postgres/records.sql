-- Named queries of what happens beside a payment.

-- name: insert_record_event
INSERT INTO record_event (payment_id, received_on, record, status, code, at, detail, participant, position)
SELECT p.payment_id, p.received_on, $2, p.status, $3, $4, $5, coalesce($6::text, p.participant),
    1000000 + (SELECT count(*) FROM record_event WHERE xid = pg_current_xact_id())
FROM payment p WHERE p.payment_id = $1

-- name: hold_own
-- Accepted payments of a worker that still holds them: one that takes them over waits for this transaction, or was first.
SELECT payment_id FROM payment
WHERE payment_id = ANY ($1::uuid[]) AND received_on = ANY ($2::date[]) AND incarnation = $3 AND status = 'accepted'
ORDER BY payment_id FOR NO KEY UPDATE

-- name: ended
SELECT payment_id FROM payment WHERE payment_id = ANY ($1::uuid[]) AND status = 'rejected' AND awaits_rail

-- name: note_inquiries
INSERT INTO inquiry AS i (payment_id, received_on, leg, n, rail, asked_at, answer, code, times)
SELECT x.payment_id, x.received_on, x.leg,
    least($8::integer, 1 + (SELECT count(*) FROM inquiry k WHERE k.payment_id = x.payment_id AND k.leg = x.leg)),
    x.rail, x.asked_at, x.answer, x.code, 1
FROM unnest($1::uuid[], $2::date[], $3::smallint[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])
    x (payment_id, received_on, leg, rail, asked_at, answer, code)
ON CONFLICT (payment_id, leg, n) DO UPDATE
    SET rail = excluded.rail, asked_at = excluded.asked_at, answer = excluded.answer, code = excluded.code, times = i.times + 1

-- name: inquiries
SELECT payment_id, received_on, leg, n, rail, asked_at, answer, code, times FROM inquiry WHERE payment_id = $1 ORDER BY leg, n

-- name: propose
INSERT INTO proposal (payment_id, subject, n, action, reason, proposed_by, proposed_at, lapses_at, outcome, decided_by, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING n

-- name: decide_proposal
UPDATE proposal SET outcome = $4, decided_by = $5, decided_at = $6
WHERE payment_id = $1 AND subject = $2 AND n = $3 AND outcome = 'open' RETURNING n

-- name: proposals
SELECT payment_id, subject, n, action, reason, proposed_by, proposed_at, lapses_at, outcome, decided_by, decided_at
FROM proposal WHERE $1::uuid IS NULL OR payment_id = $1 ORDER BY proposed_at, payment_id, subject, n
