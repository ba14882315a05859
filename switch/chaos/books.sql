-- What the judge needs of the books after a run, machine times in milliseconds since the epoch: PostgreSQL keeps the time of each
-- commit (track_commit_timestamp), the switch none.

-- name: payments
-- Every payment; refused at the door is what never had a debit.
SELECT payment_id::text, instruction_id, (extract(epoch FROM pg_xact_commit_timestamp(xid::xid)) * 1000)::bigint AS committed_ms,
    received_on::text AS day, status = 'rejected' AND debit_currency = '' AS refused, detail
FROM payment

-- name: admissions
-- Every claim of the law that was admitted, and when what it had claimed was given back.
SELECT p.instruction_id, c.value ->> 0 AS rule, split_part(c.value ->> 1, '|', 3) AS day, (c.value ->> 2)::bigint AS minor,
    (extract(epoch FROM pg_xact_commit_timestamp(p.xid::xid)) * 1000)::bigint AS committed_ms,
    (extract(epoch FROM pg_xact_commit_timestamp(v.xid::xid)) * 1000)::bigint AS voided_ms
FROM payment p
JOIN decision d USING (payment_id, received_on)
CROSS JOIN json_array_elements(d.claims::json) AS c (value)
LEFT JOIN event v ON v.payment_id = p.payment_id AND v.received_on = p.received_on AND v.n > 1 AND v.status IN ('rejected', 'cancelled')

-- name: unfinished
SELECT count(*) FROM payment
WHERE status IN ('accepted', 'submitted', 'in_doubt', 'queued') OR (status = 'settled' AND awaits_rail)
