-- One fault for each check, named like it: written into a copy of a sandbox, one at a time, and rolled back. `fault` says it in
-- words. {paid} is a payment of the sandbox that was paid, {book} the book of its rail, {rail} that rail's schema. What a sandbox
-- may not have (a latch, a refusal, a return) is told anew first, whole and right, by the functions of copies.sql: the fault alone
-- is wrong. Statements are divided by semicolons; one that changes nothing plants nothing.

-- name: status-known
-- fault: a refused payment takes a status that nobody knows
SELECT plant.made(ARRAY['rejected']);
UPDATE payment SET status = 'lost', code = '' WHERE payment_id = (SELECT id FROM plant.last);
UPDATE event SET status = 'lost' WHERE payment_id = (SELECT id FROM plant.last)

-- name: final-or-explained
-- fault: a payment is on its way long after its deadline, and nobody asks
SELECT plant.made(ARRAY['accepted', 'submitted'])

-- name: queued-waits-for-an-opening
-- fault: a payment waits for an opening, and none was written down
SELECT plant.made(ARRAY['queued'])

-- name: awaits-until-the-last-word
-- fault: a payment that was paid is still asked about
SELECT plant.made(ARRAY['accepted', 'credited']);
UPDATE payment SET awaits_rail = true WHERE payment_id = (SELECT id FROM plant.last)

-- name: legs-agree
-- fault: the leg of a payment that was paid stays sent
UPDATE payment SET leg_status = 'sent' WHERE payment_id = '{paid}'

-- name: debits-equal-credits
-- fault: a transfer debits Hong Kong dollars and credits as many renminbi
INSERT INTO transfer (payment_id, received_on, n, debit_account, credit_account, amount_minor, currency, line, alone, xid, position)
SELECT payment_id, received_on, 150, 'planted:from:HKD', 'planted:to:CNY', 1, 'HKD', 'planted', true, '1099511627000', 0
FROM payment WHERE payment_id = '{paid}';
INSERT INTO counter (key, up_pending, up_posted, down_pending, down_posted, version)
VALUES ('planted:from:HKD', 0, 1, 0, 0, 0), ('planted:to:CNY', 0, 0, 0, 1, 0);
INSERT INTO batch (xid, step, counters, versions) VALUES ('1099511627000', 'alone', '{planted:from:HKD,planted:to:CNY}', '{0,0}')

-- name: accounts-equal-transfers
-- fault: two accounts hold one unit more, debit and credit, than their transfers
UPDATE counter SET up_posted = up_posted + 1, down_posted = down_posted + 1
WHERE key = (SELECT debit_account FROM transfer WHERE payment_id = '{paid}' AND NOT alone LIMIT 1)

-- name: counters-equal-claims
-- fault: a counter forgets one unit of what was claimed
SELECT plant.claimed('{"[\"planted\", \"KEY\", 5, 100, null, \"whole\", \"refuse\", true, false, \"\", false, \"HKD\", false]"}', NULL);
UPDATE counter SET up_posted = up_posted - 1
WHERE key = (SELECT key FROM plant.last)

-- name: given-back-after-posting
-- fault: usage was given back of a payment that was refused
SELECT plant.made(ARRAY['rejected']);
INSERT INTO adjustment (payment_id, n, step, given, given_of, at, xid)
SELECT (SELECT id FROM plant.last), 1, 'planted', 1, 1, '2000-01-01 00:00+00', '1099511627000'

-- name: no-claim-beyond-its-bound
-- fault: of a cap of 100 two payments claimed 60 each, and the counter is in step
SELECT plant.claimed('{
    "[\"planted\", \"KEY\", 60, 100, null, \"whole\", \"refuse\", true, false, \"\", false, \"HKD\", false]",
    "[\"planted\", \"KEY\", 60, 100, null, \"whole\", \"refuse\", true, false, \"\", false, \"HKD\", false]"
}', NULL)

-- name: while-open-finds-headroom
-- fault: an order was admitted that may overshoot, where the one before it had taken all
SELECT plant.claimed('{
    "[\"planted\", \"KEY\", 150, 100, null, \"while_open\", \"refuse\", true, false, \"\", false, \"HKD\", false]",
    "[\"planted\", \"KEY\", 1, 100, null, \"while_open\", \"refuse\", true, false, \"\", false, \"HKD\", false]"
}', NULL)

-- name: a-latched-counter-stays-closed
-- fault: a buy was admitted under a raised cap, after a buy that had closed the counter for its window
SELECT plant.claimed('{
    "[\"planted\", \"KEY\", 100, 100, null, \"whole\", \"refuse\", true, false, \"window\", false, \"HKD\", false]",
    "[\"planted\", \"KEY\", 1, 900, null, \"whole\", \"refuse\", true, false, \"window\", false, \"HKD\", false]"
}', '2000-01-01 00:00+00')

-- name: latches-are-written-down
-- fault: a buy left no headroom in a session that latches, and the counter's row stayed open
SELECT plant.claimed('{
    "[\"planted\", \"KEY\", 100, 100, null, \"whole\", \"refuse\", true, false, \"window\", false, \"HKD\", false]"
}', NULL)

-- name: orders-follow-their-events
-- fault: an order has less open than its one event left of it
SELECT plant.ordered();
UPDATE market_order SET open_quantity = open_quantity - 1 WHERE participant = 'PLANT'

-- name: versions-complete
-- fault: an account is at a version that no transaction made
UPDATE counter SET version = version + 1
WHERE key = (SELECT debit_account FROM transfer WHERE payment_id = '{paid}' AND NOT alone LIMIT 1)

-- name: links-lead-to-the-sums
-- fault: a person's usage stays under a document that is another person's
SELECT plant.claimed('{"[\"planted\", \"KEY\", 5, 100, null, \"whole\", \"refuse\", true, false, \"\", false, \"HKD\", false]"}', NULL);
INSERT INTO person_documents (document, person_id)
SELECT split_part((SELECT key FROM plant.last), '|', 2), 'somebody else'

-- name: identities-hold
-- fault: the idempotency key of a paid payment may be used again
DELETE FROM identity WHERE kind = 1 AND payment_id = '{paid}'

-- name: nothing-twice
-- fault: one instruction was accepted twice, under two keys
SELECT plant.made(ARRAY['accepted', 'credited']);
UPDATE payment p SET instruction_id = o.instruction_id, received_on = o.received_on, participant = o.participant, debtor_agent = o.debtor_agent
FROM payment o WHERE o.payment_id = '{paid}' AND p.payment_id = (SELECT id FROM plant.last)

-- name: events-numbered
-- fault: the first event of a payment stands at another's place
UPDATE event SET position = position + 1000000 WHERE payment_id = '{paid}' AND n = 1

-- name: events-follow-the-table
-- fault: a payment that was paid is rejected after that
INSERT INTO event (payment_id, received_on, n, status, code, at, detail, participant, xid, position)
SELECT payment_id, received_on, n + 1, 'rejected', code, at, detail, participant, '1099511627000', 0
FROM event WHERE payment_id = '{paid}' ORDER BY n DESC LIMIT 1;
UPDATE payment SET moves = moves || '1099511627000'::xid8 WHERE payment_id = '{paid}'

-- name: the-final-status-was-told
-- fault: the message that a payment was paid is addressed to nobody
UPDATE event SET participant = '' WHERE payment_id = '{paid}'

-- name: doubt-has-its-reason
-- fault: a payment was put in doubt before its deadline
SELECT plant.made(ARRAY['accepted', 'submitted', 'in_doubt', 'credited']);
UPDATE payment SET deadline_at = '2100-01-01 00:00+00' WHERE payment_id = (SELECT id FROM plant.last)

-- name: refused-holds-nothing
-- fault: a refused payment keeps a decision with claims
SELECT plant.made(ARRAY['rejected']);
UPDATE decision SET claims = '[]', own = '{}', standing_id = '' WHERE payment_id = (SELECT id FROM plant.last)

-- name: nothing-belongs-to-nobody
-- fault: what was asked and decided stands at another's place
UPDATE decision SET position = position + 1000000 WHERE payment_id = '{paid}'

-- name: exceptions-have-their-suspense
-- fault: a late acceptance was written down, and no money set aside for it
SELECT plant.made(ARRAY['accepted', 'rejected']);
INSERT INTO exception_record (payment_id, received_on, kind, at, detail, claims, xid)
SELECT payment_id, received_on, 'late-acceptance', received_at, '{}', '[]', '1099511627000'
FROM payment WHERE payment_id = (SELECT id FROM plant.last)

-- name: quotes-used-once
-- fault: a quote says that a payment used it which did not take it
INSERT INTO quote (quote_id, participant, price, expires_at, used_by) VALUES ('planted', '', '{}', '2000-01-01 00:00+00', '{paid}')

-- name: paid-is-in-the-rails-book
-- fault: a rail's book forgets a payment that was paid
DELETE FROM {book} WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{paid}')

-- name: rejected-is-not-paid
-- fault: a rail paid what it had rejected, and there is no exception record
SELECT plant.made(ARRAY['accepted', 'submitted', 'rejected']);
UPDATE {book} SET outcome = 2, reason_code = NULL
WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = (SELECT id FROM plant.last))

-- name: rails-carry-only-payments
-- fault: a rail paid out one unit more
UPDATE {book} SET amount_minor = amount_minor + 1 WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{paid}')

-- name: returns-within-the-original
-- fault: money that nobody can place counts as returned
INSERT INTO payment_return (return_id, participant, n, recall_id, rail, amount_minor, currency, charge_minor, state, original_minor,
    before_minor, counted_minor, moved, credited_minor, provider, share, share_of)
SELECT plant.new_id(), participant, 1, '', 'planted', 5, settlement_currency, 0, 'unmatched', 0, 0, 5, false, 0, '', 0, 1
FROM payment WHERE payment_id = '{paid}'

-- name: returns-balance
-- fault: a return says that money moved, and no transfer moved any
INSERT INTO payment_return (return_id, participant, n, recall_id, rail, amount_minor, currency, charge_minor, state, original_minor,
    before_minor, counted_minor, moved, credited_minor, provider, share, share_of)
SELECT plant.new_id(), participant, 1, '', 'planted', 5, settlement_currency, 0, 'unmatched', 0, 0, 0, true, 0, '', 0, 1
FROM payment WHERE payment_id = '{paid}'

-- name: returns-give-back-their-share
-- fault: usage was given back for a return that is not there
SELECT plant.made(ARRAY['accepted', 'credited']);
INSERT INTO adjustment (payment_id, n, step, given, given_of, at, xid)
SELECT (SELECT id FROM plant.last), 1, 'return:planted', 0, 1, '2000-01-01 00:00+00', '1099511627000'

-- name: recalls-end-with-their-return
-- fault: a recall says that the money is back, and no return is of it
INSERT INTO recall (recall_id, payment_id, received_on, state) SELECT plant.new_id(), payment_id, received_on, 'returned'
FROM payment WHERE payment_id = '{paid}'

-- name: returns-are-in-the-rails-book
-- fault: a rail gave money back that nobody booked
INSERT INTO {rail}.unasked_return (return_id, uetr, leg, amount_minor, currency, reason_code, at)
SELECT plant.new_id(), uetr, 1, 1, settlement_currency, 'AC04', '2000-01-01 00:00+00' FROM payment WHERE payment_id = '{paid}'
