-- The checks: each query returns one text for each thing that is wrong, and nothing where all is right. In brackets stands
-- what a check is told: the business time up to which everything due must have been carried out (horizon), whether the run
-- has been drained, and which rails' books could be read. Then which promise of design 9 it proves, in which half of the audit it
-- runs (two connections see one moment: what reads claims and counters, and the rest), which gathered tables it needs, what it looks
-- at (counted), and what that is read from.

-- name: status-known
-- promise: 2
-- half: lives
-- needs: money
-- over: payments = payment
-- reads: payment
SELECT format('payment %s has status %L', payment_id, status) FROM payment WHERE status NOT IN (SELECT status FROM money)

-- name: final-or-explained (horizon, drained)
-- promise: 2
-- half: lives
-- needs: owner, rail_book
-- over: accepted payments = owner
-- reads: payment, rails' books
-- Not final is explained by being on its way before its deadline, by not having been sent yet, by doubt, by a queue, or by an
-- operator's decision against which the rail has said otherwise. After a drained run only that last one is left.
SELECT format('payment %s is %s on %s, deadline %s', o.payment_id, o.status, o.rail, o.deadline_at)
FROM owner o LEFT JOIN rail_book b ON b.rail = o.rail AND b.uetr = o.uetr AND b.leg = o.n
WHERE CASE
    WHEN $2 THEN
        o.status IN ('accepted', 'submitted', 'in_doubt')
        OR (o.status = 'settled' AND o.awaits_rail AND NOT o.by_operator)
    ELSE o.deadline_at < $1 AND (o.status = 'submitted' OR (o.status = 'accepted' AND b.uetr IS NOT NULL))
END

-- name: queued-waits-for-an-opening (horizon)
-- promise: 2
-- half: lives
-- needs: 
-- over: queued payments = payment WHERE status = 'queued'
-- reads: payment, queued
SELECT format('payment %s is queued and waits for %s', p.payment_id, coalesce(q.opens_at::text, 'no opening'))
FROM payment p LEFT JOIN queued q USING (payment_id)
WHERE p.status = 'queued' AND coalesce(q.opens_at <= $1, true)

-- name: awaits-until-the-last-word
-- promise: 2
-- half: lives
-- needs: owner, rail_book
-- over: payments = payment
-- reads: payment, exception_record, rails' books
-- Its rail is awaited from acceptance until its last word, which is a credit or a rejection, or a settlement of which the
-- rail's book has no credit to tell. After an operator's decision that word may be out or in, unless an exception has it.
SELECT format('payment %s is %s and %s', payment_id, status, CASE WHEN awaits_rail THEN 'awaits a rail that has had its last word'
    ELSE 'does not await its rail, which has not had its last word' END)
FROM (
    SELECT p.payment_id, p.status, p.awaits_rail, CASE
        WHEN o.payment_id IS NULL OR p.status = 'credited' THEN false  -- no rail ever had it; or it is only a rail that credits
        WHEN p.status IN ('queued', 'accepted', 'submitted', 'in_doubt') THEN true
        WHEN EXISTS (
            SELECT FROM exception_record x
            WHERE x.payment_id = p.payment_id AND x.detail::jsonb ->> 'said' IN ('credited', 'rejected')
        ) THEN false
        WHEN o.by_operator THEN NULL
        WHEN p.status = 'rejected' THEN false
        WHEN p.status = 'settled' THEN CASE b.outcome WHEN 1 THEN false WHEN 2 THEN true END
    END AS awaited
    FROM payment p
    LEFT JOIN owner o USING (payment_id)
    LEFT JOIN rail_book b ON b.rail = o.rail AND b.uetr = o.uetr AND b.leg = o.n
) wait
WHERE awaits_rail <> awaited

-- name: legs-agree
-- promise: 2
-- half: lives
-- needs: owner, money
-- over: payments = payment
-- reads: payment, leg
SELECT format('payment %s is %s and its leg on %s is %s', payment_id, status, rail, leg_status)
FROM owner
WHERE (status, leg_status) NOT IN (
        ('queued', 'held'), ('accepted', 'held'), ('submitted', 'sent'), ('in_doubt', 'held'), ('in_doubt', 'sent'),
        ('settled', 'settled'), ('credited', 'credited'), ('rejected', 'rejected'), ('cancelled', 'rejected'),
        ('blocked', 'held'), ('blocked', 'sent')
    ) AND status IN (SELECT status FROM money)
UNION ALL
SELECT format('payment %s is %s and has %s legs', p.payment_id, p.status, count(o.payment_id))
FROM payment p JOIN money USING (status) LEFT JOIN owner o USING (payment_id)
WHERE p.status <> 'rejected' OR cardinality(p.moves) > 1  -- a refused one has none: refused-holds-nothing
GROUP BY p.payment_id, p.status
HAVING count(o.payment_id) <> 1

-- name: debits-equal-credits
-- promise: 3
-- half: books
-- needs: row, flow
-- over: accounts = row WHERE account
-- reads: counter, transfer
-- Per currency over all accounts; and no transfer leads from one currency into another.
SELECT format('%s: debits %s and credits %s pending, debits %s and credits %s posted', currency, sum(up_pending),
    sum(down_pending), sum(up_posted), sum(down_posted))
FROM (SELECT *, substring(key FROM '[^:]*$') AS currency FROM row WHERE account) ledger
GROUP BY currency
HAVING sum(up_pending) <> sum(down_pending) OR sum(up_posted) <> sum(down_posted)
UNION ALL
SELECT format('transfers from %s to %s change the currency', d.key, c.key)
FROM flow f JOIN row d ON d.id = f.debit JOIN row c ON c.id = f.credit
WHERE substring(d.key FROM '[^:]*$') <> substring(c.key FROM '[^:]*$')

-- name: accounts-equal-transfers
-- promise: 3
-- half: books
-- needs: row, flow, alone
-- over: transfers = transfer
-- reads: counter, transfer, payment
WITH side AS (
    SELECT debit AS row, no_debit AS unknown, money, minor AS up, 0 AS down FROM flow
    UNION ALL
    SELECT credit, no_credit, money, 0, minor FROM flow
    UNION ALL
    SELECT row, CASE WHEN row IS NULL THEN key END, 'posted', up, down FROM alone WHERE strpos(key, '|') = 0
), book AS (
    SELECT row, unknown,
        coalesce(sum(up) FILTER (WHERE money = 'pending'), 0) AS up_pending,
        coalesce(sum(up) FILTER (WHERE money = 'posted'), 0) AS up_posted,
        coalesce(sum(down) FILTER (WHERE money = 'pending'), 0) AS down_pending,
        coalesce(sum(down) FILTER (WHERE money = 'posted'), 0) AS down_posted
    FROM side GROUP BY row, unknown
)
SELECT format('account %s holds %s, its transfers %s', coalesce(a.key, b.unknown), coalesce((a.up_pending, a.up_posted, a.down_pending, a.down_posted)::text, 'nothing'),
    coalesce((b.up_pending, b.up_posted, b.down_pending, b.down_posted)::text, 'nothing'))
FROM (SELECT * FROM row WHERE account) a FULL JOIN book b ON b.row = a.id
WHERE (coalesce(a.up_pending, 0), coalesce(a.up_posted, 0), coalesce(a.down_pending, 0), coalesce(a.down_posted, 0))
    <> (coalesce(b.up_pending, 0), coalesce(b.up_posted, 0), coalesce(b.down_pending, 0), coalesce(b.down_posted, 0))

-- name: counters-equal-claims
-- promise: 3
-- half: books
-- needs: row, claim, alone, back, resting, ordered
-- over: claims = claim
-- reads: counter, decision, adjustment, exception_record, counter_alias, order_event
-- Accounts have a check of their own, by their transfers.
WITH part AS (
    SELECT coalesce(onto, row) AS row,
        CASE WHEN delta > 0 AND NOT straight AND money = 'pending' THEN delta ELSE 0 END AS up_pending,
        CASE WHEN delta > 0 AND (money = 'posted' OR (straight AND money = 'pending')) THEN delta ELSE 0 END AS up_posted,
        CASE WHEN delta < 0 AND money = 'pending' THEN -delta ELSE 0 END AS down_pending,
        CASE WHEN delta < 0 AND money = 'posted' THEN -delta ELSE 0 END AS down_posted
    FROM claim LEFT JOIN resting USING (row)
    UNION ALL
    SELECT coalesce(onto, row), 0, up, 0, down FROM alone LEFT JOIN resting USING (row) WHERE strpos(key, '|') > 0
    UNION ALL
    SELECT coalesce(onto, row), 0, CASE WHEN delta > 0 THEN -amount ELSE 0 END, 0, CASE WHEN delta < 0 THEN -amount ELSE 0 END
    FROM back LEFT JOIN resting USING (row)
    UNION ALL
    SELECT row, up_pending, up_posted, 0, down_posted FROM ordered
), book AS (
    SELECT row, sum(up_pending)::bigint AS up_pending, sum(up_posted)::bigint AS up_posted, sum(down_pending)::bigint AS down_pending,
        sum(down_posted)::bigint AS down_posted
    FROM part GROUP BY row
)
SELECT format('counter %s holds %s, its claims %s', coalesce(h.key, 'that is not there'), coalesce((h.up_pending, h.up_posted, h.down_pending, h.down_posted)::text, 'nothing'),
    coalesce((b.up_pending, b.up_posted, b.down_pending, b.down_posted)::text, 'nothing'))
FROM (SELECT * FROM row WHERE NOT account) h FULL JOIN book b ON b.row = h.id
WHERE (coalesce(h.up_pending, 0), coalesce(h.up_posted, 0), coalesce(h.down_pending, 0), coalesce(h.down_posted, 0))
    <> (coalesce(b.up_pending, 0), coalesce(b.up_posted, 0), coalesce(b.down_pending, 0), coalesce(b.down_posted, 0))

-- name: given-back-after-posting
-- promise: 3
-- half: books
-- needs: given, money
-- over: steps = adjustment
-- reads: adjustment, payment
-- A share goes back of what is posted, step after step, and never more than the whole.
SELECT format('of payment %s, which is %s, step %s (%s) gave back from %s/%s to %s/%s', g.payment_id,
    coalesce(p.status, 'not there'), g.n, g.step, g.before, g.before_of, g.after, g.after_of)
FROM given g
LEFT JOIN payment p USING (payment_id)
LEFT JOIN money m USING (status)
WHERE m.money IS DISTINCT FROM 'posted' OR g.n <> g.place OR g.before * g.after_of > g.after * g.before_of
    OR g.after > g.after_of

-- name: no-claim-beyond-its-bound
-- promise: 1
-- half: books
-- needs: history, row
-- over: bounded claims, of which those of tight counters are replayed one by one = claim WHERE bound IS NOT NULL AND NOT while_open
-- reads: decision, transfer, batch, event, counter_alias
-- All of a claim must fit under the ceiling it brought, a negative one's above the floor; give-backs count once posted. A claim
-- of nothing asks that an older window kept its ceiling.
SELECT format('payment %s was admitted to %s with %s on top of %s, bound %s', payment_id, r.key, delta,
    CASE WHEN delta >= 0 THEN used ELSE left_for_down END, bound)
FROM history JOIN row r ON r.id = history.row
WHERE bound IS NOT NULL AND NOT while_open AND CASE WHEN delta >= 0 THEN used + delta > bound ELSE left_for_down + delta < bound END

-- name: while-open-finds-headroom
-- promise: 1
-- half: books
-- needs: history, row
-- over: claims that may overshoot = claim WHERE while_open
-- reads: decision, batch, event
-- A claim that may overshoot is taken while there is any headroom, and not when there is none.
SELECT format('payment %s was admitted to %s with %s where nothing was left: %s of %s was used', payment_id, r.key, delta,
    CASE WHEN delta >= 0 THEN used ELSE left_for_down END, bound)
FROM history JOIN row r ON r.id = history.row
WHERE bound IS NOT NULL AND while_open AND CASE WHEN delta >= 0 THEN used >= bound ELSE left_for_down <= bound END

-- name: a-latched-counter-stays-closed
-- promise: 1
-- half: books
-- needs: history, row
-- over: claims of sessions that latch = claim WHERE closes_at IS NOT NULL
-- reads: decision, batch, event
-- Once an admitted claim leaves no headroom in a session that latches, no other widens the counter in this window, whatever has
-- been sold or given back since, and whatever its ceiling is now.
SELECT format('payment %s was admitted to %s with %s (bound %s) after it had closed for its window', payment_id, r.key, delta, bound)
FROM history JOIN row r ON r.id = history.row
WHERE closed AND delta > 0 AND bound IS NOT NULL

-- name: latches-are-written-down
-- promise: 1
-- half: books
-- needs: history, row, path
-- over: closed counters = row WHERE latched_at IS NOT NULL
-- reads: counter, decision, batch
-- A counter that closed for its window says so in its row, and one that says so has closed: by a claim, or by a balance that was used up before a
-- claim came (that one was refused, and leaves no claim: what was used then must have reached a ceiling that was in force).
SELECT format('%s %s', r.key, CASE WHEN r.latched_at IS NULL THEN 'closed, and its row does not say since when'
    ELSE format('is closed since %s, and had headroom all the time', r.latched_at) END)
FROM row r LEFT JOIN (
    SELECT row, bool_or(closes) AS closes, bool_or(closes AND latches = 'window') AS shuts, max(used + greatest(delta, 0)) AS used
    FROM history GROUP BY row
) h ON h.row = r.id
WHERE CASE
    WHEN r.latched_at IS NULL THEN h.shuts AND NOT EXISTS (SELECT FROM path WHERE path.source = r.id OR path.row = r.id)
    ELSE NOT coalesce(h.closes OR h.used >= r.ceiling, false)
END

-- name: orders-follow-their-events
-- promise: 3
-- half: books
-- needs: ordered
-- over: orders = market_order
-- reads: market_order, order_event, batch
-- Each event follows from what was open before it, the order stands where its last one left it and holds what that leaves, and
-- what was refused where it was placed is no order.
WITH latest AS (
    SELECT DISTINCT ON (order_id, trading_day) order_id, trading_day, open_quantity, held,
        CASE kind WHEN 'cancel' THEN 'cancelled' WHEN 'reject' THEN 'rejected' ELSE CASE open_quantity WHEN 0 THEN 'done' ELSE 'open' END END AS state
    FROM ordered ORDER BY order_id, trading_day, version DESC, position DESC
)
SELECT format('order %s is %s, %s open, %s held; its events leave %s, %s and %s', o.order_id, o.state, o.open_quantity, o.claimed_minor,
    coalesce(l.state, 'nothing'), coalesce(l.open_quantity, 0), coalesce(l.held, 0))
FROM market_order o LEFT JOIN latest l USING (order_id, trading_day)
WHERE (o.state, o.open_quantity, o.claimed_minor) IS DISTINCT FROM (l.state, l.open_quantity, l.held)
UNION ALL
SELECT format('event %s (%s %s) of order %s took it from %s open to %s', event_id, kind, quantity, order_id, open_before, open_quantity)
FROM ordered
WHERE open_quantity <> CASE kind WHEN 'place' THEN quantity WHEN 'execute' THEN open_before - quantity WHEN 'reduce' THEN quantity ELSE 0 END
    OR open_quantity < 0 OR (kind = 'place') <> (open_before = 0) OR version IS NULL
UNION ALL
SELECT format('order %s of event %s is not there', e.order_id, e.event_id)
FROM order_event e LEFT JOIN market_order o USING (order_id, trading_day)
WHERE o.order_id IS NULL AND NOT (e.kind = 'place' AND e.reason <> '')

-- name: versions-complete
-- promise: 3
-- half: books
-- needs: touched, written, row, transaction
-- over: versions = written
-- reads: counter, batch, decision, transfer, event
-- Every change of a counter stands under a version, no version was made twice, none is missing.
WITH made AS MATERIALIZED (
    SELECT t.row, t.transaction, w.version FROM touched t LEFT JOIN written w USING (transaction, row) WHERE t.row IS NOT NULL
)
SELECT format('%s was changed by transaction %s (%s), which made no version of it', r.key, x.xid, x.step)
FROM made m JOIN row r ON r.id = m.row LEFT JOIN transaction x ON x.id = m.transaction
WHERE m.version IS NULL
UNION ALL
SELECT format('version %s of %s was made %s times', m.version, r.key, m.times)
FROM (SELECT row, version, count(*) AS times FROM made WHERE version IS NOT NULL GROUP BY row, version HAVING count(*) > 1) m
JOIN row r ON r.id = m.row
UNION ALL
SELECT format('%s is at version %s, its batches made %s up to %s', r.key, r.version, coalesce(m.made, 0), coalesce(m.newest, 0))
FROM row r LEFT JOIN (
    SELECT row, count(*) AS made, max(version) AS newest
    FROM (SELECT DISTINCT row, version FROM written WHERE version > 0) once GROUP BY row
) m ON m.row = r.id
WHERE r.version <> coalesce(m.made, 0) OR r.version <> coalesce(m.newest, 0)

-- name: links-lead-to-the-sums
-- promise: 3
-- half: books
-- needs: row, resting
-- over: links = counter_alias
-- reads: counter_alias, person_documents, counter
-- Claims of a linked counter are followed by the alias alone: it must name where the sums are, and they be the person's.
SELECT format('%s becomes %s, and its sums went to %s', a.counter, a.becomes, coalesce(target.key, 'nowhere'))
FROM counter_alias a
LEFT JOIN row source ON source.key = a.counter
LEFT JOIN resting ON resting.row = source.id
LEFT JOIN row target ON target.id = resting.onto
WHERE target.key IS DISTINCT FROM a.becomes
UNION ALL
SELECT format('%s went to %s, which is not of person %s', a.counter, a.becomes, d.person_id)
FROM counter_alias a JOIN person_documents d ON d.document = split_part(split_part(a.counter, '|', 2), '@', 1)
WHERE split_part(split_part(a.becomes, '|', 2), '@', 1) <> d.person_id
UNION ALL
SELECT format('%s holds usage of a document of person %s', c.key, d.person_id)
FROM counter c JOIN person_documents d ON d.document = split_part(split_part(c.key, '|', 2), '@', 1)
WHERE d.person_id <> d.document AND (c.up_pending, c.up_posted, c.down_pending, c.down_posted) <> (0, 0, 0, 0)

-- name: identities-hold
-- promise: 2
-- half: lives
-- needs: owner
-- over: identities = identity
-- reads: identity, payment
SELECT format('payment %s has no identity of its idempotency key', p.payment_id)
FROM payment p LEFT JOIN identity i ON i.kind = 1 AND i.payment_id = p.payment_id
WHERE i.payment_id IS NULL
UNION ALL
SELECT format('payment %s does not hold its UETR %s', o.payment_id, o.uetr)
FROM owner o LEFT JOIN identity i ON i.kind = 2 AND i.key = o.uetr
WHERE i.payment_id IS DISTINCT FROM o.payment_id
UNION ALL
SELECT format('identity %s of kind %s names payment %s, which is not there', i.key, i.kind, i.payment_id)
FROM identity i LEFT JOIN payment p ON p.payment_id = i.payment_id AND p.received_on = i.received_on
WHERE p.payment_id IS NULL AND i.payment_id <> '00000000-0000-4000-8000-000000000001'

-- name: nothing-twice
-- promise: 2
-- half: lives
-- needs: rail_book
-- over: payments = payment
-- reads: payment, rails' books
-- What no key of a table forbids: a payment on two days, an instruction or a UETR accepted twice; and a leg in a rail's book twice.
-- (A transfer at its payment's place cannot be there twice, nor an event.)
SELECT format('payment %s stands there %s times', payment_id, count(*)) FROM payment GROUP BY payment_id HAVING count(*) > 1
UNION ALL
SELECT format('UETR %s was accepted %s times: payments %s', uetr, count(*), string_agg(payment_id::text, ', '))
FROM payment WHERE rail <> '' GROUP BY uetr HAVING count(*) > 1
UNION ALL
SELECT format('instruction %s of %s was accepted %s times on %s: payments %s', instruction_id, participant, count(*), received_on,
    string_agg(payment_id::text, ', '))
FROM payment WHERE rail <> '' GROUP BY received_on, participant, debtor_agent, instruction_id HAVING count(*) > 1
UNION ALL
SELECT format('leg %s of UETR %s stands %s times in the book of %s', leg, uetr, count(*), rail)
FROM rail_book GROUP BY rail, uetr, leg HAVING count(*) > 1

-- name: events-numbered
-- promise: 2
-- half: lives
-- needs: 
-- over: events = event
-- reads: event, payment
-- Each where the payment says: in the n-th of its transactions, the first at the payment's own place.
SELECT format('payment %s moved %s times and has %s events, numbered %s to %s', p.payment_id, cardinality(p.moves), coalesce(e.events, 0),
    coalesce(e.first, 0), coalesce(e.last, 0))
FROM payment p LEFT JOIN (
    SELECT payment_id, count(*) AS events, min(n) AS first, max(n) AS last, bit_count(bit_or(1::bigint << n)::bit(64)) AS different
    FROM event GROUP BY payment_id
) e USING (payment_id)
WHERE (cardinality(p.moves), cardinality(p.moves), cardinality(p.moves), 1) IS DISTINCT FROM (e.events, e.last, e.different, e.first)
UNION ALL
SELECT format('event %s of payment %s is not where the payment says', e.n, e.payment_id)
FROM event e JOIN payment p USING (payment_id, received_on)
WHERE p.moves[e.n] <> e.xid OR (e.n = 1 AND (e.xid, e.position) <> (p.xid, p.position))

-- name: events-follow-the-table
-- promise: 2
-- half: books
-- needs: step, move, money
-- over: events = event
-- reads: event, payment
-- An event after a final status is a move the table does not have.
SELECT format('payment %s went from %L to %L', s.payment_id, coalesce(s.before, ''), s.status)
FROM step s LEFT JOIN move m ON m.before = coalesce(s.before, '') AND m.after = s.status
WHERE m.after IS NULL AND s.status IN (SELECT status FROM money) AND (s.before IS NULL OR s.before IN (SELECT status FROM money))
UNION ALL
SELECT format('payment %s is %s, its last event says %s', p.payment_id, p.status, s.status)
FROM payment p JOIN step s USING (payment_id)
WHERE s.last AND s.status <> p.status

-- name: the-final-status-was-told
-- promise: 2
-- half: lives
-- needs: money
-- over: payments that came to their end = payment WHERE status IN ('settled', 'credited', 'rejected', 'cancelled')
-- reads: event, payment
-- The outbox is the events: a payment that has come to its end has the one that says so, addressed to its own participant.
SELECT format('payment %s of %s is %s, and no message tells it', p.payment_id, p.participant, p.status)
FROM payment p JOIN money m USING (status)
LEFT JOIN event e ON e.payment_id = p.payment_id AND e.n = cardinality(p.moves) AND e.participant = p.participant AND e.code = p.code
WHERE m.money <> 'pending' AND e.payment_id IS NULL

-- name: doubt-has-its-reason
-- promise: 2
-- half: lives
-- needs: rail_book
-- over: times a payment was put in doubt = event WHERE status = 'in_doubt'
-- reads: event, payment
-- A payment is in doubt because its rail was silent until its deadline, never before, unless an operator has dictated it.
SELECT format('payment %s was put in doubt at %s, its deadline was %s', e.payment_id, e.at, coalesce(p.deadline_at::text, 'none'))
FROM event e JOIN payment p USING (payment_id, received_on)
WHERE e.status = 'in_doubt' AND coalesce(e.at < p.deadline_at, true)
    AND NOT EXISTS (SELECT FROM rail_book b WHERE b.uetr = p.uetr AND b.dictated)

-- name: refused-holds-nothing
-- promise: 1, 6
-- half: lives
-- needs: 
-- over: refused payments = payment WHERE status = 'rejected' AND cardinality(moves) = 1
-- reads: payment, leg, decision, transfer, queued, quote, recall, inquiry
SELECT format('payment %s was refused and holds %s', p.payment_id, h.what)
FROM payment p JOIN (
    SELECT payment_id, 'a leg' AS what FROM leg
    UNION ALL SELECT payment_id, 'a decision with claims' FROM decision WHERE claims IS NOT NULL
    UNION ALL SELECT payment_id, format('transfer %s', n) FROM transfer
    UNION ALL SELECT payment_id, 'a place in the queue' FROM queued
    UNION ALL SELECT used_by, format('quote %s', quote_id) FROM quote WHERE used_by IS NOT NULL
    UNION ALL SELECT payment_id, 'a recall' FROM recall
    UNION ALL SELECT payment_id, 'an inquiry' FROM inquiry
) h USING (payment_id)
WHERE p.status = 'rejected' AND cardinality(p.moves) = 1

-- name: nothing-belongs-to-nobody
-- promise: 2
-- half: lives
-- needs: 
-- over: decisions = decision
-- reads: payment, decision, transfer, event
-- What belongs to a payment is found by the payment's place.
SELECT CASE
    WHEN p.payment_id IS NULL THEN format('a decision on payment %s, which is not at its place', d.payment_id)
    WHEN d.payment_id IS NULL THEN format('payment %s has nothing of what was asked at its place', p.payment_id)
    ELSE format('payment %s has no decision', p.payment_id)
END
FROM payment p FULL JOIN decision d USING (payment_id, received_on, xid, position)
WHERE p.payment_id IS NULL OR d.sealed IS NULL OR (p.rail <> '' AND d.claims IS NULL)
UNION ALL
SELECT format('a transfer of payment %s, which is not at its place', t.payment_id)
FROM transfer t
LEFT JOIN payment p USING (payment_id, received_on, xid, position)
WHERE p.status IS NULL AND NOT t.alone
UNION ALL
SELECT format('an event of payment %s, which is not there', e.payment_id)
FROM event e LEFT JOIN payment p USING (payment_id, received_on) WHERE p.status IS NULL

-- name: exceptions-have-their-suspense
-- promise: 3
-- half: lives
-- needs: forced_claim
-- over: late acceptances = exception_record WHERE kind = 'late-acceptance'
-- reads: exception_record, transfer, decision
-- A late acceptance: suspense bears exactly what the creditor agent was paid, the claims of the law are forced again.
WITH suspense AS (
    SELECT payment_id, sum(amount_minor) AS amount_minor, min(currency) AS currency
    FROM transfer WHERE alone AND line = 'suspense' GROUP BY payment_id
), late AS (
    SELECT * FROM exception_record WHERE kind = 'late-acceptance'
)
SELECT format('payment %s: suspense bears %s, its exception record asks for %s', coalesce(x.payment_id, s.payment_id),
    coalesce(s.amount_minor, 0), coalesce(p.settlement_minor, 0))
FROM late x
FULL JOIN suspense s USING (payment_id)
LEFT JOIN payment p ON p.payment_id = x.payment_id
WHERE s.payment_id IS NULL OR x.payment_id IS NULL OR p.payment_id IS NULL OR p.status <> 'rejected'
    OR (p.settlement_minor, p.settlement_currency) <> (s.amount_minor, s.currency)
UNION ALL
SELECT format('payment %s: the record of its late acceptance forces other claims than it had', x.payment_id)
FROM late x
WHERE x.payment_id = ANY (SELECT payment_id FROM payment) AND ARRAY(SELECT (c.rule, c.counter, c.delta)::text FROM forced_claim c WHERE c.payment_id = x.payment_id ORDER BY 1)
    <> ARRAY(SELECT (c.value ->> 0, c.value ->> 1, (c.value ->> 2)::bigint)::text
        FROM decision d CROSS JOIN json_array_elements(d.claims::json) AS c (value)
        WHERE d.payment_id = x.payment_id AND (c.value ->> 2)::bigint > 0 ORDER BY 1)

-- name: quotes-used-once
-- promise: 2
-- half: lives
-- needs: 
-- over: used quotes = quote WHERE used_by IS NOT NULL
-- reads: quote, payment
SELECT format('quote %s was used by payment %s, which did not take it', q.quote_id, q.used_by)
FROM quote q LEFT JOIN payment p ON p.payment_id = q.used_by AND p.quote_id = q.quote_id
WHERE q.used_by IS NOT NULL AND p.payment_id IS NULL
UNION ALL
SELECT format('payment %s took quote %s, which says it was used by %s', p.payment_id, p.quote_id, coalesce(q.used_by::text, 'nobody'))
FROM payment p LEFT JOIN quote q USING (quote_id)
WHERE p.quote_id <> '' AND q.used_by IS DISTINCT FROM p.payment_id

-- name: paid-is-in-the-rails-book (rails)
-- promise: 2
-- half: lives
-- needs: owner, rail_book
-- over: paid legs = owner WHERE status IN ('settled', 'credited')
-- reads: payment, rails' books
-- An operator may honour what the rail has not said: then the rail's book may be otherwise.
SELECT format('payment %s is %s, the book of %s says %s', o.payment_id, o.status, o.rail, CASE b.outcome WHEN 3 THEN 'rejected'
    WHEN 0 THEN 'never received' ELSE 'nothing' END)
FROM owner o
LEFT JOIN rail_book b ON b.rail = o.rail AND b.uetr = o.uetr AND b.leg = o.n
WHERE o.status IN ('settled', 'credited') AND coalesce(b.outcome, 0) NOT IN (1, 2) AND NOT o.by_operator
    AND o.rail = ANY ($1)

-- name: rejected-is-not-paid (horizon)
-- promise: 2
-- half: lives
-- needs: owner, rail_book
-- over: rejected legs = owner WHERE status IN ('rejected', 'cancelled')
-- reads: payment, exception_record, rails' books
SELECT format('payment %s is %s, and %s has paid it at %s', o.payment_id, o.status, o.rail, b.known_at)
FROM owner o
JOIN rail_book b ON b.rail = o.rail AND b.uetr = o.uetr AND b.leg = o.n
LEFT JOIN exception_record x ON x.payment_id = o.payment_id AND x.kind = 'late-acceptance'
WHERE o.status IN ('rejected', 'cancelled') AND b.outcome IN (1, 2) AND b.known_at <= $1 AND x.payment_id IS NULL

-- name: rails-carry-only-payments
-- promise: 2
-- half: lives
-- needs: owner, rail_book
-- over: legs in the rails' books = rail_book WHERE outcome <> 0
-- reads: payment, rails' books
SELECT format('%s has %s %s %s for UETR %s: %s', b.rail, b.currency, b.amount_minor,
    CASE b.outcome WHEN 3 THEN 'rejected' ELSE 'paid' END, b.uetr,
    CASE WHEN o.uetr IS NULL THEN 'no payment sent it' ELSE format('payment %s is of %s %s', o.payment_id, o.settlement_currency, o.settlement_minor) END)
FROM rail_book b
LEFT JOIN owner o ON o.rail = b.rail AND o.uetr = b.uetr AND o.n = b.leg
WHERE b.outcome <> 0
    AND (o.uetr IS NULL OR (o.settlement_minor, o.settlement_currency) <> (b.amount_minor, b.currency))

-- name: returns-within-the-original
-- promise: 3
-- half: lives
-- needs: 
-- over: returns = payment_return
-- reads: payment_return, payment
-- What counts of a payment's returns is never more than it paid, and each counts with all that the creditor agent gave and kept.
SELECT format('payment %s (%s) paid %s %s, of which %s came back', p.payment_id, p.status, p.settlement_minor, p.settlement_currency, sum(r.counted_minor))
FROM payment_return r JOIN payment p USING (payment_id, received_on)
GROUP BY p.payment_id, p.status, p.settlement_minor, p.settlement_currency
HAVING sum(r.counted_minor) > p.settlement_minor
    OR (sum(r.counted_minor) FILTER (WHERE r.state <> 'squared') > 0 AND p.status NOT IN ('settled', 'credited'))
UNION ALL
SELECT format('return %s is %s and counts %s of %s %s', r.return_id, r.state, r.counted_minor, r.amount_minor + r.charge_minor, r.currency)
FROM payment_return r LEFT JOIN payment p USING (payment_id, received_on)
WHERE CASE
    WHEN r.state IN ('returned', 'released', 'squared') THEN (r.counted_minor, r.currency) <> (r.amount_minor + r.charge_minor, p.settlement_currency)
    WHEN r.state = 'suspended' THEN r.counted_minor NOT IN (0, r.amount_minor + r.charge_minor)
    ELSE r.counted_minor <> 0
END
UNION ALL
SELECT format('return %s squares what suspense never bore', r.return_id)
FROM payment_return r
WHERE r.state = 'squared'
    AND NOT EXISTS (SELECT FROM exception_record x WHERE x.payment_id = r.payment_id AND x.kind = 'late-acceptance')
UNION ALL
SELECT format('return %s is of payment %s, which is not there', r.return_id, r.payment_id)
FROM payment_return r LEFT JOIN payment p USING (payment_id, received_on)
WHERE r.payment_id IS NOT NULL AND p.payment_id IS NULL

-- name: returns-balance
-- promise: 3
-- half: lives
-- needs: source, back_line, back_net
-- over: returns = payment_return
-- reads: payment_return, transfer
-- The debtor agent has what the record says, suspense what is held and nothing else, providers what they gave less what they took.
SELECT format('return %s (%s): the debtor agent got %s, its record says %s', r.return_id, r.state, coalesce(n.minor, 0), r.credited_minor)
FROM payment_return r
JOIN source s USING (payment_id)
LEFT JOIN back_net n ON n.return_id = r.return_id AND n.account = s.debtor_position
WHERE s.debtor_position <> s.creditor_position AND coalesce(n.minor, 0) <> r.credited_minor
UNION ALL
SELECT format('return %s (%s) of %s %s: suspense has %s of it', r.return_id, r.state, r.currency, r.amount_minor, coalesce(n.minor, 0))
FROM payment_return r
LEFT JOIN back_net n ON n.return_id = r.return_id AND n.account = format('suspense:%s:%s', r.rail, r.currency)
WHERE coalesce(n.minor, 0) <> CASE WHEN r.state IN ('suspended', 'squared') AND r.moved THEN r.amount_minor ELSE 0 END
UNION ALL
SELECT format('return %s was exchanged for %s against %s, its transfers say %s and %s', r.return_id, r.bought_minor, r.sold_minor, l.bought, l.sold)
FROM payment_return r
JOIN (
    SELECT return_id, sum(amount_minor) FILTER (WHERE line IN ('conversion', 'spread')) AS sold,
        sum(amount_minor) FILTER (WHERE line = 'returned') AS bought
    FROM back_line GROUP BY return_id
) l USING (return_id)
WHERE r.provider <> '' AND (l.sold, l.bought) IS DISTINCT FROM (r.sold_minor, r.bought_minor)
UNION ALL
SELECT format('return %s is %s and has %s transfers', r.return_id, r.state, count(l.n))
FROM payment_return r LEFT JOIN back_line l USING (return_id)
GROUP BY r.return_id, r.state, r.moved
HAVING (count(l.n) > 0) <> (r.moved OR r.state = 'released')
UNION ALL
SELECT format('transfer %s of payment %s is of no return', t.n, t.payment_id)
FROM transfer t LEFT JOIN payment_return r ON r.payment_id = t.payment_id AND t.xid IN (r.xid, r.released_xid)
WHERE t.alone AND t.n >= 200 AND r.return_id IS NULL AND t.payment_id <> '00000000-0000-4000-8000-000000000001'

-- name: returns-give-back-their-share
-- promise: 3
-- half: books
-- needs: given
-- over: returns = payment_return
-- reads: payment_return, adjustment
-- Of a payment's claims goes back what came back of its money, with the return and once: less only where others had gone before.
SELECT format('return %s (%s) gave back %s/%s of the claims of payment %s, which has %s for it', r.return_id, r.state, r.share, r.share_of,
    r.payment_id, coalesce(format('%s/%s to %s/%s', g.before, g.before_of, g.after, g.after_of), 'nothing'))
FROM payment_return r
JOIN payment p USING (payment_id, received_on)
LEFT JOIN given g ON g.payment_id = r.payment_id AND g.step = 'return:' || r.return_id
WHERE CASE
    WHEN r.state IN ('returned', 'released') THEN g.step IS NULL
        OR g.after * g.before_of * r.share_of - g.before * g.after_of * r.share_of <> r.share * g.after_of * g.before_of
        OR (r.share::numeric * p.settlement_minor <> r.amount_minor::numeric * r.share_of AND g.after <> g.after_of)
    ELSE g.step IS NOT NULL OR r.share <> 0
END
UNION ALL
SELECT format('step %s of payment %s is of no return', g.step, g.payment_id)
FROM given g LEFT JOIN payment_return r ON 'return:' || r.return_id = g.step AND r.payment_id = g.payment_id
WHERE starts_with(g.step, 'return:') AND r.return_id IS NULL

-- name: recalls-end-with-their-return
-- promise: 2
-- half: lives
-- needs: 
-- over: recalls = recall
-- reads: recall, payment_return
SELECT format('recall %s is %s, and %s returns are of it', c.recall_id, c.state, count(r.return_id))
FROM recall c LEFT JOIN payment_return r ON r.recall_id = c.recall_id::text AND r.payment_id = c.payment_id
GROUP BY c.recall_id, c.state
HAVING (c.state = 'returned') <> (count(r.return_id) > 0)

-- name: returns-are-in-the-rails-book (horizon, rails)
-- promise: 2
-- half: lives
-- needs: rail_back
-- over: returns in the rails' books = rail_back
-- reads: payment_return, rails' books
-- What was booked the rail has given back, and what it has given back by now is booked.
SELECT format('return %s of %s %s is not in the book of %s', r.return_id, r.currency, r.amount_minor, r.rail)
FROM payment_return r LEFT JOIN rail_back b
    ON b.rail = r.rail AND b.id = CASE WHEN r.recall_id = '' THEN r.return_id ELSE r.recall_id::uuid END
WHERE r.rail = ANY ($2) AND (b.uetr, b.leg, b.amount_minor, b.currency) IS DISTINCT FROM (r.uetr, r.leg, r.amount_minor, r.currency)
UNION ALL
SELECT format('%s gave back %s %s of UETR %s at %s, which is not booked', b.rail, b.currency, b.amount_minor, b.uetr, b.at)
FROM rail_back b LEFT JOIN payment_return r
    ON r.rail = b.rail AND b.id = CASE WHEN r.recall_id = '' THEN r.return_id ELSE r.recall_id::uuid END
WHERE r.return_id IS NULL AND NOT b.asked AND b.at <= $1
