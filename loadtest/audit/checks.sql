-- The checks: each query returns one text for each thing that is wrong, and nothing where all is right. In brackets stands
-- what a check is told: the business time up to which everything due must have been carried out (horizon), whether the run
-- has been drained, and which rails' books could be read.

-- name: status-known
SELECT format('payment %s has status %L', payment_id, status) FROM payment WHERE status NOT IN (SELECT status FROM money)

-- name: final-or-explained (horizon, drained)
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
SELECT format('payment %s is queued and waits for %s', p.payment_id, coalesce(q.opens_at::text, 'no opening'))
FROM payment p LEFT JOIN queued q USING (payment_id)
WHERE p.status = 'queued' AND coalesce(q.opens_at <= $1, true)

-- name: awaits-until-the-last-word
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
GROUP BY p.payment_id, p.status, p.moves
HAVING count(o.payment_id) <> CASE WHEN p.status = 'rejected' AND cardinality(p.moves) = 1 THEN 0 ELSE 1 END

-- name: debits-equal-credits
SELECT format('%s: debits %s and credits %s pending, debits %s and credits %s posted', currency, sum(up_pending),
    sum(down_pending), sum(up_posted), sum(down_posted))
FROM (SELECT *, substring(key FROM '[^:]*$') AS currency FROM counter WHERE strpos(key, '|') = 0) account
GROUP BY currency
HAVING sum(up_pending) <> sum(down_pending) OR sum(up_posted) <> sum(down_posted)

-- name: accounts-equal-transfers
WITH line AS (
    SELECT t.debit_account, t.credit_account, t.amount_minor,
        CASE WHEN t.alone THEN 'posted' ELSE coalesce(m.money, 'pending') END AS money
    FROM transfer t
    LEFT JOIN payment p USING (payment_id, received_on)
    LEFT JOIN money m ON m.status = p.status
), side AS (
    SELECT debit_account AS key, money, sum(amount_minor) AS up, 0 AS down FROM line GROUP BY debit_account, money
    UNION ALL
    SELECT credit_account, money, 0, sum(amount_minor) FROM line GROUP BY credit_account, money
), book AS (
    SELECT key COLLATE "C" AS key,
        coalesce(sum(up) FILTER (WHERE money = 'pending'), 0) AS up_pending,
        coalesce(sum(up) FILTER (WHERE money = 'posted'), 0) AS up_posted,
        coalesce(sum(down) FILTER (WHERE money = 'pending'), 0) AS down_pending,
        coalesce(sum(down) FILTER (WHERE money = 'posted'), 0) AS down_posted
    FROM side GROUP BY key
), account AS (
    SELECT key, up_pending, up_posted, down_pending, down_posted FROM counter WHERE strpos(key, '|') = 0
)
SELECT format('account %s holds %s, its transfers %s', key, coalesce((a.*)::text, 'nothing'), coalesce((b.*)::text, 'nothing'))
FROM account a FULL JOIN book b USING (key)
WHERE (coalesce(a.up_pending, 0), coalesce(a.up_posted, 0), coalesce(a.down_pending, 0), coalesce(a.down_posted, 0))
    <> (coalesce(b.up_pending, 0), coalesce(b.up_posted, 0), coalesce(b.down_pending, 0), coalesce(b.down_posted, 0))

-- name: counters-equal-claims
WITH part AS (
    SELECT row,
        sum(CASE WHEN delta > 0 AND NOT straight AND money = 'pending' THEN delta ELSE 0 END) AS up_pending,
        sum(CASE WHEN delta > 0 AND (money = 'posted' OR (straight AND money = 'pending')) THEN delta ELSE 0 END) AS up_posted,
        sum(CASE WHEN delta < 0 AND money = 'pending' THEN -delta ELSE 0 END) AS down_pending,
        sum(CASE WHEN delta < 0 AND money = 'posted' THEN -delta ELSE 0 END) AS down_posted
    FROM claim GROUP BY row
    UNION ALL
    SELECT row, 0, sum(up), 0, sum(down) FROM alone GROUP BY row
    UNION ALL
    SELECT row, 0, -sum(CASE WHEN delta > 0 THEN amount ELSE 0 END), 0, -sum(CASE WHEN delta < 0 THEN amount ELSE 0 END)
    FROM back GROUP BY row
), book AS (
    SELECT r.key, sum(up_pending) AS up_pending, sum(up_posted) AS up_posted, sum(down_pending) AS down_pending,
        sum(down_posted) AS down_posted
    FROM part LEFT JOIN resting USING (row) LEFT JOIN row r ON r.id = coalesce(resting.onto, part.row)
    GROUP BY r.key
), held AS (
    SELECT key, up_pending, up_posted, down_pending, down_posted FROM counter
)  -- accounts have a check of their own, by their transfers
SELECT format('counter %s holds %s, its claims %s', coalesce(key, 'that is not there'), coalesce((h.*)::text, 'nothing'),
    coalesce((b.*)::text, 'nothing'))
FROM held h FULL JOIN book b USING (key)
WHERE strpos(coalesce(key, '|'), '|') > 0 AND (coalesce(h.up_pending, 0), coalesce(h.up_posted, 0), coalesce(h.down_pending, 0), coalesce(h.down_posted, 0))
    <> (coalesce(b.up_pending, 0), coalesce(b.up_posted, 0), coalesce(b.down_pending, 0), coalesce(b.down_posted, 0))

-- name: given-back-after-posting
-- A share goes back of what is posted, step after step, and never more than the whole.
SELECT format('of payment %s, which is %s, step %s (%s) gave back from %s/%s to %s/%s', g.payment_id,
    coalesce(p.status, 'not there'), g.n, g.step, g.before, g.before_of, g.after, g.after_of)
FROM given g
LEFT JOIN payment p USING (payment_id)
LEFT JOIN money m USING (status)
WHERE m.money IS DISTINCT FROM 'posted' OR g.n <> g.place OR g.before * g.after_of > g.after * g.before_of
    OR g.after > g.after_of

-- name: no-claim-beyond-its-bound
-- Each counter's history along its versions: within a batch by position, within a payment by the order of its claims. What
-- a claim needs must fit under the ceiling it brought, a negative one's above the floor; give-backs count once posted. A
-- claim of nothing asks that an older window kept its ceiling.
SELECT format('payment %s was admitted to %s with %s on top of %s, bound %s', payment_id, r.key, delta, CASE WHEN delta >= 0
    THEN up_pending + up_posted - down_posted ELSE up_posted - down_pending - down_posted END, bound)
FROM (
    SELECT c.payment_id, c.row, c.delta, c.bound, c.needed, coalesce(sum(c.up_pending) OVER before, 0) AS up_pending,
        coalesce(sum(c.up_posted) OVER before, 0) AS up_posted, coalesce(sum(c.down_pending) OVER before, 0) AS down_pending,
        coalesce(sum(c.down_posted) OVER before, 0) AS down_posted
    FROM change c JOIN written w USING (transaction, row)
    WINDOW before AS (
        PARTITION BY c.row ORDER BY w.version, c.position, c.payment_id, c.n
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
) history
JOIN row r ON r.id = history.row
WHERE bound IS NOT NULL AND CASE
    WHEN delta >= 0 THEN up_pending + up_posted - down_posted + needed > bound
    WHEN delta < 0 THEN up_posted - down_pending - down_posted + needed < bound
END

-- name: versions-complete
-- Every change of a counter stands under a version, no version was made twice, none is missing.
SELECT format('%s was changed by transaction %s (%s), which made no version of it', r.key, x.xid, x.step)
FROM touched t LEFT JOIN written w USING (transaction, row) LEFT JOIN row r ON r.id = t.row LEFT JOIN transaction x ON x.id = t.transaction
WHERE w.version IS NULL AND t.row IS NOT NULL
UNION ALL
SELECT format('version %s of %s was made %s times', w.version, min(w.key), count(*))
FROM written w JOIN touched t USING (transaction, row)
GROUP BY w.row, w.version
HAVING count(*) > 1
UNION ALL
SELECT format('%s is at version %s, its batches made %s up to %s', k.key, k.version, coalesce(w.made, 0), coalesce(w.newest, 0))
FROM counter k JOIN row r USING (key) LEFT JOIN (
    SELECT row, count(DISTINCT version) FILTER (WHERE version > 0) AS made, max(version) AS newest FROM written GROUP BY row
) w ON w.row = r.id
WHERE (k.version, k.version) <> (coalesce(w.made, 0), coalesce(w.newest, 0))

-- name: links-lead-to-the-sums
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

-- name: events-numbered
-- Each where the payment says: in the n-th of its transactions, the first at the payment's own place.
SELECT format('payment %s moved %s times, its events are numbered %s', p.payment_id, cardinality(p.moves),
    coalesce(string_agg(e.n::text, ', ' ORDER BY e.n), 'not at all'))
FROM payment p LEFT JOIN event e USING (payment_id, received_on)
GROUP BY p.payment_id, p.moves
HAVING count(e.n) <> cardinality(p.moves) OR min(e.n) IS DISTINCT FROM 1 OR max(e.n) <> count(e.n) OR count(DISTINCT e.n) <> count(e.n)
UNION ALL
SELECT format('event %s of payment %s is not where the payment says', e.n, e.payment_id)
FROM event e JOIN payment p USING (payment_id, received_on)
WHERE p.moves[e.n] <> e.xid OR (e.n = 1 AND (e.xid, e.position) <> (p.xid, p.position))

-- name: events-follow-the-table
-- An event after a final status is a move the table does not have.
WITH step AS (
    SELECT payment_id, status, n, coalesce(lag(status) OVER payment, '') AS before, lead(n) OVER payment IS NULL AS last
    FROM event
    WINDOW payment AS (PARTITION BY payment_id ORDER BY n)
)
SELECT format('payment %s went from %L to %L', s.payment_id, s.before, s.status)
FROM step s LEFT JOIN move m ON m.before = s.before AND m.after = s.status
WHERE m.after IS NULL AND s.status IN (SELECT status FROM money) AND s.before IN (SELECT status FROM money UNION SELECT '')
UNION ALL
SELECT format('payment %s is %s, its last event says %s', p.payment_id, p.status, s.status)
FROM payment p JOIN step s USING (payment_id)
WHERE s.last AND s.status <> p.status

-- name: refused-holds-nothing
SELECT format('payment %s was refused and holds %s decisions, %s transfers', p.payment_id, count(d.claims), count(t.n))
FROM payment p
LEFT JOIN decision d USING (payment_id, received_on)
LEFT JOIN transfer t USING (payment_id, received_on)
WHERE p.status = 'rejected' AND cardinality(p.moves) = 1
GROUP BY p.payment_id
HAVING count(d.claims) > 0 OR count(t.n) > 0

-- name: nothing-belongs-to-nobody
-- What belongs to a payment is found by the payment's place.
SELECT format('a decision on payment %s, which is not at its place', d.payment_id)
FROM decision d LEFT JOIN payment p USING (payment_id, received_on, xid, position) WHERE p.status IS NULL
UNION ALL
SELECT format('a transfer of payment %s, which is not at its place', t.payment_id)
FROM transfer t
LEFT JOIN payment p USING (payment_id, received_on, xid, position)
WHERE p.status IS NULL AND NOT t.alone
UNION ALL
SELECT format('an event of payment %s, which is not there', e.payment_id)
FROM event e LEFT JOIN payment p USING (payment_id, received_on) WHERE p.status IS NULL
UNION ALL
SELECT format('payment %s has nothing of what was asked at its place', p.payment_id)
FROM payment p LEFT JOIN decision d USING (payment_id, received_on, xid, position) WHERE d.sealed IS NULL
UNION ALL
SELECT format('payment %s has no decision', o.payment_id)
FROM owner o LEFT JOIN decision d USING (payment_id) WHERE d.claims IS NULL

-- name: exceptions-have-their-suspense
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
WHERE ARRAY(SELECT (c.rule, c.counter, c.delta)::text FROM forced_claim c WHERE c.payment_id = x.payment_id ORDER BY 1)
    <> ARRAY(SELECT (c.rule, c.counter, c.delta)::text FROM limit_claim c
        WHERE c.payment_id = x.payment_id AND c.delta > 0 ORDER BY 1)

-- name: quotes-used-once
SELECT format('quote %s was used by payment %s, which did not take it', q.quote_id, q.used_by)
FROM quote q LEFT JOIN payment p ON p.payment_id = q.used_by AND p.quote_id = q.quote_id
WHERE q.used_by IS NOT NULL AND p.payment_id IS NULL
UNION ALL
SELECT format('payment %s took quote %s, which says it was used by %s', p.payment_id, p.quote_id, coalesce(q.used_by::text, 'nobody'))
FROM payment p LEFT JOIN quote q USING (quote_id)
WHERE p.quote_id <> '' AND q.used_by IS DISTINCT FROM p.payment_id

-- name: paid-is-in-the-rails-book (rails)
-- An operator may honour what the rail has not said: then the rail's book may be otherwise.
SELECT format('payment %s is %s, the book of %s says %s', o.payment_id, o.status, o.rail, CASE b.outcome WHEN 3 THEN 'rejected'
    WHEN 0 THEN 'never received' ELSE 'nothing' END)
FROM owner o
LEFT JOIN rail_book b ON b.rail = o.rail AND b.uetr = o.uetr AND b.leg = o.n
WHERE o.status IN ('settled', 'credited') AND coalesce(b.outcome, 0) NOT IN (1, 2) AND NOT o.by_operator
    AND o.rail = ANY ($1)

-- name: rejected-is-not-paid (horizon)
SELECT format('payment %s is %s, and %s has paid it at %s', o.payment_id, o.status, o.rail, b.known_at)
FROM owner o
JOIN rail_book b ON b.rail = o.rail AND b.uetr = o.uetr AND b.leg = o.n
LEFT JOIN exception_record x ON x.payment_id = o.payment_id AND x.kind = 'late-acceptance'
WHERE o.status IN ('rejected', 'cancelled') AND b.outcome IN (1, 2) AND b.known_at <= $1 AND x.payment_id IS NULL

-- name: rails-carry-only-payments
SELECT format('%s has %s %s %s for UETR %s: %s', b.rail, b.currency, b.amount_minor,
    CASE b.outcome WHEN 3 THEN 'rejected' ELSE 'paid' END, b.uetr,
    CASE WHEN o.uetr IS NULL THEN 'no payment sent it' ELSE format('payment %s is of %s %s', o.payment_id, o.settlement_currency, o.settlement_minor) END)
FROM rail_book b
LEFT JOIN owner o ON o.rail = b.rail AND o.uetr = b.uetr AND o.n = b.leg
WHERE b.outcome <> 0
    AND (o.uetr IS NULL OR (o.settlement_minor, o.settlement_currency) <> (b.amount_minor, b.currency))

-- name: returns-within-the-original
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
SELECT format('recall %s is %s, and %s returns are of it', c.recall_id, c.state, count(r.return_id))
FROM recall c LEFT JOIN payment_return r ON r.recall_id = c.recall_id::text AND r.payment_id = c.payment_id
GROUP BY c.recall_id, c.state
HAVING (c.state = 'returned') <> (count(r.return_id) > 0)

-- name: returns-are-in-the-rails-book (horizon, rails)
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
