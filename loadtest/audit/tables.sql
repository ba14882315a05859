-- What the checks look at, gathered once in temporary tables of the auditor's own session, which see one moment of the system.
-- Each is a query; `needs` says which others it reads, all of them above it. They are made empty before that moment and filled in
-- a transaction that may write nothing else (PostgreSQL makes no table in it, but fills temporary ones). What a status means is
-- written down here anew: an auditor keeps books of his own.

-- name: money
-- What the money of a payment is in each status (design 2).
SELECT * FROM (VALUES
    ('queued', 'pending'), ('accepted', 'pending'), ('submitted', 'pending'), ('in_doubt', 'pending'), ('blocked', 'pending'),
    ('settled', 'posted'), ('credited', 'posted'), ('rejected', 'voided'), ('cancelled', 'voided')
) AS known (status, money)

-- name: move
-- Which status may follow which; a status that stands nowhere on the left is final.
SELECT * FROM (VALUES
    ('', 'accepted'), ('', 'queued'), ('', 'rejected'),
    ('queued', 'accepted'), ('queued', 'cancelled'), ('queued', 'rejected'), ('queued', 'blocked'),
    ('accepted', 'submitted'), ('accepted', 'in_doubt'), ('accepted', 'settled'), ('accepted', 'credited'),
    ('accepted', 'rejected'), ('accepted', 'blocked'),
    ('submitted', 'in_doubt'), ('submitted', 'settled'), ('submitted', 'credited'), ('submitted', 'rejected'),
    ('submitted', 'blocked'),
    ('in_doubt', 'blocked'), ('in_doubt', 'settled'), ('in_doubt', 'credited'), ('in_doubt', 'rejected'),
    ('settled', 'credited')
) AS known (before, after)

-- name: row
-- Counters and batches get a number each: numbers join and sort many times faster than keys that begin alike.
SELECT row_number() OVER ()::integer AS id, key, strpos(key, '|') = 0 AS account, up_pending, up_posted, down_pending, down_posted,
    version, latched_at, ceiling
FROM counter

-- name: transaction
SELECT row_number() OVER ()::integer AS id, xid, step FROM batch

-- name: written
-- needs: row, transaction
-- Which version of which counter each transaction made (or, in the exact path, saw).
SELECT t.id AS transaction, r.id AS row, CASE WHEN r.id IS NULL THEN v.key END AS unknown, v.version
FROM batch b
JOIN transaction t USING (xid, step)
CROSS JOIN unnest(b.counters, b.versions) AS v (key, version)
LEFT JOIN row r ON r.key = v.key

-- name: step
-- needs: money
-- The history of each payment, from its events.
SELECT payment_id, n, status, xid, lag(status) OVER payment AS before, lead(n) OVER payment IS NULL AS last
FROM event WINDOW payment AS (PARTITION BY payment_id ORDER BY n)

-- name: forced_claim
-- The claims that exception records force.
SELECT x.payment_id, x.kind, x.xid, x.at, c.value ->> 0 AS rule, c.value ->> 1 AS counter, (c.value ->> 2)::bigint AS delta
FROM exception_record x CROSS JOIN json_array_elements(x.claims::json) AS c (value)

-- name: place
-- needs: money, transaction, step
-- Where each payment was admitted, and where its money ceased to be pending.
SELECT p.payment_id, p.position, coalesce(m.money, 'pending') AS money, t.id AS accepted, k.xid IS NOT NULL AS ended,
    k.step = 'post' AS posts, c.id AS closed
FROM payment p
LEFT JOIN money m USING (status)
LEFT JOIN transaction t ON t.xid = p.xid AND t.step = 'accept'
LEFT JOIN (
    SELECT s.payment_id, s.xid, CASE m.money WHEN 'posted' THEN 'post' ELSE 'void' END AS step
    FROM step s JOIN money m USING (status) LEFT JOIN money b ON b.status = s.before
    WHERE s.n > 1 AND m.money <> 'pending' AND coalesce(b.money, 'pending') = 'pending'
) k USING (payment_id)
LEFT JOIN transaction c ON c.xid = k.xid AND c.step = 'finish'

-- name: claim
-- needs: row, place
-- Every claim of the law that was admitted, with the transaction and the place in its batch. A payment keeps its claims as arrays:
-- rule, counter, delta, ceiling, floor, admission, effect, gross, gives back, latches, forced, unit, latches on carry.
SELECT payment_id, money, accepted, ended, posts, closed, position, n, r.id AS row, delta, gross AND delta >= 0 AS straight, gives_back,
    -- A threshold never blocks, and what is forced passes: they are judged by nothing.
    CASE WHEN effect <> 'report' AND NOT forced THEN CASE WHEN delta >= 0 THEN told.ceiling ELSE told.floor END END AS bound,
    admission = 'while_open' AND delta <> 0 AS while_open,
    -- The ceiling at which it closes its counter, and for how long: to the end of its window, or of the session so named.
    CASE WHEN latches <> '' AND delta > 0 AND effect <> 'report' THEN told.ceiling END AS closes_at, latches
FROM (
    SELECT p.payment_id, p.money, p.accepted, p.ended, p.posts, p.closed, p.position, c.n::integer,
        c.value ->> 1 AS counter, (c.value -> 2)::bigint AS delta, (c.value ->> 3)::bigint AS ceiling, (c.value ->> 4)::bigint AS floor,
        c.value ->> 5 AS admission, c.value ->> 6 AS effect, (c.value -> 7)::boolean AS gross, (c.value -> 8)::boolean AS gives_back,
        c.value ->> 9 AS latches, (c.value -> 10)::boolean AS forced
    FROM decision d JOIN place p USING (payment_id)
    CROSS JOIN jsonb_array_elements(d.claims::jsonb) WITH ORDINALITY AS c (value, n)
    OFFSET 0
) told
LEFT JOIN row r ON r.key = told.counter

-- name: flow
-- needs: row, place
-- Pending transfers are the claims on their accounts. Of each pair of accounts, and batches that began and ended them, the sum.
SELECT t.accepted, t.ended, t.posts, t.closed, coalesce(t.money, 'pending') AS money,
    t.money IS NULL AS of_nobody, d.id AS debit, c.id AS credit,
    CASE WHEN d.id IS NULL THEN t.debit_account END AS no_debit, CASE WHEN c.id IS NULL THEN t.credit_account END AS no_credit, t.minor
FROM (
    SELECT p.accepted, p.ended, p.posts, p.closed, p.money, t.debit_account, t.credit_account, sum(t.amount_minor)::bigint AS minor
    FROM transfer t LEFT JOIN place p USING (payment_id)
    WHERE NOT t.alone
    GROUP BY 1, 2, 3, 4, 5, 6, 7
) t
LEFT JOIN row d ON d.key = t.debit_account AND d.account
LEFT JOIN row c ON c.key = t.credit_account AND c.account

-- name: alone
-- needs: row, transaction, forced_claim
-- What is posted by itself: opening transfers, suspense, forced claims.
SELECT t.id AS transaction, r.id AS row, a.key, a.up, a.down
FROM (
    SELECT t.xid, t.debit_account AS key, t.amount_minor AS up, 0::bigint AS down FROM transfer t WHERE t.alone
    UNION ALL
    SELECT t.xid, t.credit_account, 0, t.amount_minor FROM transfer t WHERE t.alone
    UNION ALL
    SELECT xid, counter, delta, 0 FROM forced_claim
) a
LEFT JOIN transaction t ON t.step = 'alone' AND t.xid = a.xid
LEFT JOIN row r USING (key)

-- name: given
-- needs: transaction
-- Which share of a payment's claims had gone back before and after each step, as fractions: nothing is rounded twice.
SELECT a.payment_id, a.step, a.n, row_number() OVER steps AS place, t.id AS transaction,
    lag(a.given, 1, 0::bigint) OVER steps::numeric AS before, lag(a.given_of, 1, 1::bigint) OVER steps::numeric AS before_of,
    a.given::numeric AS after, a.given_of::numeric AS after_of
FROM adjustment a
LEFT JOIN transaction t ON t.step = 'adjust' AND t.xid = a.xid
WINDOW steps AS (PARTITION BY a.payment_id ORDER BY a.n)

-- name: back
-- needs: given, claim
-- What each step gave back of each claim whose rule gives back: of all that went back by then, rounded down, what is new.
SELECT transaction, row, payment_id, n, delta, amount
FROM (
    SELECT g.transaction, c.row, c.payment_id, c.n, c.delta,
        (div(abs(c.delta) * g.after, g.after_of) - div(abs(c.delta) * g.before, g.before_of))::bigint AS amount
    FROM given g JOIN claim c USING (payment_id)
    WHERE c.gives_back
) share
WHERE amount <> 0

-- name: path
-- needs: row, transaction
-- Where the sums of a counter went when its person was linked to another: a row for each link on its way, nearest first.
WITH RECURSIVE link AS (
    SELECT source.id AS row, target.id AS onto, t.id AS transaction
    FROM counter_alias a
    JOIN row source ON source.key = a.counter
    LEFT JOIN row target ON target.key = a.moved_to
    LEFT JOIN transaction t ON t.step = 'link' AND t.xid = a.xid
), way AS (
    SELECT row, row AS source, onto, transaction, 1 AS depth FROM link
    UNION ALL
    SELECT way.row, link.row, link.onto, link.transaction, way.depth + 1
    FROM way JOIN link ON link.row = way.onto
    WHERE way.depth < 1000 -- no person has so many documents: a chain that bites its tail ends, and is reported
)
SELECT * FROM way

-- name: resting
-- needs: path
-- Where they are now.
SELECT DISTINCT ON (row) row, onto FROM path ORDER BY row, depth DESC

-- name: elsewhere
-- needs: claim, alone, back, path, resting, written
-- What became of claims after a link: their own counter was not written any more, but the next on its way that was.
SELECT DISTINCT ON (c.transaction, c.row) c.transaction, c.row, p.onto
FROM (
    SELECT c.closed AS transaction, c.row FROM claim c JOIN resting USING (row) WHERE c.ended
    UNION
    SELECT a.transaction, a.row FROM alone a JOIN resting USING (row)
    UNION
    SELECT b.transaction, b.row FROM back b JOIN resting USING (row)
) c
JOIN path p USING (row)
JOIN written w ON w.transaction = c.transaction AND w.row = p.onto
WHERE NOT EXISTS (SELECT FROM written own WHERE own.transaction = c.transaction AND own.row = c.row)
ORDER BY c.transaction, c.row, p.depth

-- name: ordered
-- needs: row, transaction, written
-- What each event of an order added to its quota's counter, reckoned from quantities, prices and the day's rate: a buy holds what
-- is open of it at its limit, a trade counts at its price, a sell gives as it trades. Along the counter's versions.
WITH told AS (
    SELECT e.*, o.side, o.price AS limit_price, o.rate, r.id AS row, t.id AS transaction, w.version,
        coalesce(lag(e.open_quantity) OVER (PARTITION BY e.order_id, e.trading_day ORDER BY w.version, e.position), 0) AS open_before
    FROM order_event e
    JOIN market_order o USING (order_id, trading_day)
    LEFT JOIN row r ON r.key = o.quota || '|market|' || e.trading_day
    LEFT JOIN transaction t ON t.step = 'orders' AND t.xid = e.xid
    LEFT JOIN written w ON w.transaction = t.id AND w.row = r.id
    WHERE e.reason = ''
), valued AS (
    SELECT *,
        CASE side WHEN 'buy' THEN ceil(ceil(open_before * limit_price * 100) * rate) ELSE 0 END AS held_before,
        CASE side WHEN 'buy' THEN ceil(ceil(open_quantity * limit_price * 100) * rate) ELSE 0 END AS held_after,
        CASE WHEN kind <> 'execute' THEN 0 WHEN side = 'buy' THEN ceil(ceil(quantity * price * 100) * rate)
            ELSE floor(floor(quantity * price * 100) * rate) END AS traded
    FROM told
)
SELECT event_id, order_id, trading_day, kind, quantity, open_before, open_quantity, row, transaction, version, position, ceiling, latches,
    held_after::bigint AS held,
    CASE WHEN kind = 'place' THEN held_after ELSE 0 END::bigint AS delta,
    (held_after - held_before)::bigint AS up_pending,
    CASE WHEN kind = 'execute' AND side = 'buy' THEN least(traded, held_before - held_after) ELSE 0 END::bigint AS up_posted,
    CASE side WHEN 'sell' THEN traded ELSE 0 END::bigint AS down_posted
FROM valued

-- name: tight
-- needs: claim, flow, alone, path, written, row, ordered
-- Counters whose history must be replayed. The others cannot have gone beyond a bound in any order: all that was ever
-- claimed, nothing given back, fits beside what was posted before the first claim. Of linked ones we look at all, and of those
-- that close: one that is exactly full is closed.
WITH whole AS (
    SELECT row, sum(delta) FILTER (WHERE delta > 0) AS up, sum(delta) FILTER (WHERE delta < 0) AS down,
        min(bound) FILTER (WHERE delta >= 0) AS ceiling, max(bound) FILTER (WHERE delta < 0) AS floor, min(closes_at) AS closes_at
    FROM claim GROUP BY row
    UNION ALL  -- what is prefunded may not go below zero
    SELECT debit, sum(minor), NULL, 0, NULL, NULL FROM flow JOIN row r ON r.id = debit
    WHERE r.key ~ '^(position|inventory):' GROUP BY debit
), opening AS (
    SELECT a.row, sum(a.down) AS down, sum(a.up) AS up
    FROM alone a JOIN written w USING (transaction, row)
    WHERE w.version = 0
    GROUP BY a.row
)
SELECT row FROM whole w LEFT JOIN opening o USING (row)
WHERE w.up > w.ceiling + coalesce(o.down - o.up, 0) OR w.down < w.floor - coalesce(o.up - o.down, 0)
    OR w.up >= w.closes_at + coalesce(o.down - o.up, 0)
UNION
SELECT id FROM row WHERE latched_at IS NOT NULL
UNION
SELECT row FROM ordered WHERE row IS NOT NULL
UNION
SELECT row FROM path
UNION
SELECT onto FROM path

-- name: account_claim
-- needs: tight, place, row
-- The claims of payments on those accounts, transfer by transfer: all of a payment's fit exactly where their sum does.
SELECT p.payment_id, p.accepted, p.ended, p.posts, p.closed, p.position, 1000 + t.n AS n, r.id AS row, t.amount_minor AS delta,
    CASE WHEN r.key ~ '^(position|inventory):' THEN 0::bigint END AS bound
FROM transfer t JOIN row r ON r.key = t.debit_account JOIN tight ON tight.row = r.id JOIN place p USING (payment_id)
WHERE NOT t.alone
UNION ALL
SELECT p.payment_id, p.accepted, p.ended, p.posts, p.closed, p.position, 2000 + t.n, r.id, -t.amount_minor, NULL
FROM transfer t JOIN row r ON r.key = t.credit_account JOIN tight ON tight.row = r.id JOIN place p USING (payment_id)
WHERE NOT t.alone

-- name: own_change
-- needs: claim, account_claim, alone, back, tight, elsewhere, ordered
-- Every change of the counters that are to be replayed.
WITH admitted AS (
    SELECT payment_id, accepted, ended, posts, closed, position, n, row, delta, bound, straight, while_open, closes_at, latches
    FROM claim JOIN tight USING (row)
    UNION ALL
    SELECT payment_id, accepted, ended, posts, closed, position, n, row, delta, bound, false, false, NULL, '' FROM account_claim
)
SELECT c.row, c.accepted AS transaction, c.position, c.payment_id, c.n, c.delta, c.bound, c.while_open, c.closes_at, c.latches,
    CASE WHEN c.delta > 0 AND NOT c.straight THEN c.delta ELSE 0 END AS up_pending,
    CASE WHEN c.straight THEN c.delta ELSE 0 END AS up_posted,
    CASE WHEN c.delta < 0 THEN -c.delta ELSE 0 END AS down_pending,
    0::bigint AS down_posted
FROM admitted c
UNION ALL
SELECT coalesce(e.onto, c.row), c.closed, 0, c.payment_id, c.n, 0, NULL, false, NULL, '',
    CASE WHEN c.delta > 0 AND NOT c.straight THEN -c.delta ELSE 0 END,
    CASE WHEN c.straight THEN -c.delta WHEN c.delta > 0 AND c.posts THEN c.delta ELSE 0 END,
    CASE WHEN c.delta < 0 THEN c.delta ELSE 0 END,
    CASE WHEN c.delta < 0 AND c.posts THEN -c.delta ELSE 0 END
FROM admitted c
LEFT JOIN elsewhere e ON e.transaction = c.closed AND e.row = c.row
WHERE c.ended AND NOT (c.straight AND c.posts)
UNION ALL
SELECT coalesce(e.onto, a.row), a.transaction, 0, NULL, 0, 0, NULL, false, NULL, '', 0, a.up, 0, a.down
FROM alone a JOIN tight USING (row) LEFT JOIN elsewhere e USING (transaction, row)
UNION ALL
SELECT coalesce(e.onto, b.row), b.transaction, 0, b.payment_id, b.n, 0, NULL, false, NULL, '', 0, CASE WHEN b.delta > 0 THEN -b.amount ELSE 0 END,
    0, CASE WHEN b.delta < 0 THEN -b.amount ELSE 0 END
FROM back b JOIN tight USING (row) LEFT JOIN elsewhere e USING (transaction, row)
UNION ALL
SELECT row, transaction, position, event_id, 0, delta, ceiling, ceiling IS NOT NULL, CASE WHEN latches <> '' THEN ceiling END, latches,
    up_pending, up_posted, 0, down_posted
FROM ordered

-- name: change
-- needs: own_change, path
-- With what each link took from one counter and added to another: all that had happened to the one by then.
SELECT * FROM own_change
UNION ALL
SELECT CASE side WHEN 1 THEN p.onto ELSE p.source END, p.transaction, 0, NULL, 0, 0, NULL, false, NULL, '', (side * sum(c.up_pending))::bigint,
    (side * sum(c.up_posted))::bigint, (side * sum(c.down_pending))::bigint, (side * sum(c.down_posted))::bigint
FROM own_change c JOIN path p USING (row) CROSS JOIN (VALUES (1), (-1)) AS s (side)
GROUP BY side, p.onto, p.source, p.transaction

-- name: history
-- needs: change, written
-- Each of those counters along its versions: within a batch by position, within a payment by the order of its claims. With what
-- stood there before, and whether an earlier payment had closed it: for the window, or for the session that this one came in.
WITH summed AS (
    SELECT c.*, w.version, coalesce(sum(c.up_pending + c.up_posted - c.down_posted) OVER before, 0)::bigint AS used,
        coalesce(sum(c.up_posted - c.down_pending - c.down_posted) OVER before, 0)::bigint AS left_for_down
    FROM change c JOIN written w USING (transaction, row)
    WINDOW before AS (
        PARTITION BY c.row ORDER BY w.version, c.position, c.payment_id, c.n
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT row, payment_id, version, position, n, delta, bound, while_open, used, left_for_down, latches,
    coalesce(used + delta >= closes_at, false) AS closes,
    coalesce(bool_or(used + delta >= closes_at AND latches = 'window') OVER (
        PARTITION BY row ORDER BY version, position, payment_id GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), false)
    OR latches <> '' AND coalesce(bool_or(used + delta >= closes_at) OVER (
        PARTITION BY row, latches ORDER BY version, position, payment_id GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), false) AS closed
FROM summed

-- name: touched
-- needs: claim, flow, alone, back, path, elsewhere, ordered
-- Which counters each transaction must have written.
SELECT row, accepted AS transaction FROM claim
UNION
SELECT row, transaction FROM ordered
UNION
SELECT coalesce(e.onto, c.row), c.closed
FROM claim c LEFT JOIN elsewhere e ON e.transaction = c.closed AND e.row = c.row
WHERE c.ended AND NOT (c.straight AND c.posts)
UNION
SELECT unnest(ARRAY[debit, credit]), accepted FROM flow WHERE NOT of_nobody
UNION
SELECT unnest(ARRAY[debit, credit]), closed FROM flow WHERE ended
UNION
SELECT coalesce(e.onto, a.row), a.transaction FROM alone a LEFT JOIN elsewhere e USING (transaction, row)
UNION
SELECT coalesce(e.onto, b.row), b.transaction FROM back b LEFT JOIN elsewhere e USING (transaction, row)
UNION
SELECT source, transaction FROM path
UNION
SELECT onto, transaction FROM path

-- name: owner
-- The one payment that a rail knows by a UETR: it was accepted, so it has a leg.
SELECT p.payment_id, p.status, p.uetr, p.settlement_minor, p.settlement_currency, l.rail, l.n, l.status AS leg_status, l.deadline_at,
    p.awaits_rail,
    EXISTS ( -- it was an operator who honoured or rejected it, not its rail
        SELECT FROM event e
        WHERE e.payment_id = p.payment_id AND e.received_on = p.received_on AND e.status IN ('settled', 'rejected')
            AND (e.detail::jsonb ? 'decided_by' OR e.detail::jsonb ->> 'reason' = 'operator-rejected')
    ) AS by_operator
FROM payment p JOIN leg l USING (payment_id, received_on)

-- name: rail_book
-- What the rails' books say of each leg; filled from each of them (copy_book).
SELECT NULL::text AS rail, NULL::uuid AS uetr, NULL::smallint AS leg, NULL::smallint AS outcome, NULL::bigint AS amount_minor,
    NULL::text AS currency, NULL::timestamptz AS received_at, NULL::timestamptz AS known_at, NULL::boolean AS dictated
WHERE false

-- name: rail_back
-- needs: rail_book
-- What the rails say has come back: a recall that was accepted, or money nobody asked for; filled from each (copy_back).
SELECT NULL::text AS rail, NULL::uuid AS id, NULL::boolean AS asked, NULL::uuid AS uetr, NULL::smallint AS leg,
    NULL::bigint AS amount_minor, NULL::text AS currency, NULL::timestamptz AS at
WHERE false

-- name: back_line
-- The transfers of each return, at its place and at that of its release.
SELECT r.return_id, t.n, t.line, t.debit_account, t.credit_account, t.amount_minor, t.currency
FROM payment_return r
JOIN transfer t ON t.received_on = r.received_on AND t.xid IN (r.xid, r.released_xid) AND t.position = 0 AND t.n >= 200
    AND t.payment_id = r.payment_id

-- name: back_net
-- needs: back_line
-- What each return moved, account by account: what came in less what went out.
SELECT return_id, account, sum(minor)::bigint AS minor
FROM (
    SELECT return_id, credit_account AS account, amount_minor AS minor FROM back_line
    UNION ALL
    SELECT return_id, debit_account, -amount_minor FROM back_line
) side GROUP BY return_id, account

-- name: source
-- Where each payment's money came from, and went to.
SELECT r.payment_id, coalesce(min(t.debit_account) FILTER (WHERE t.line = 'conversion'), min(t.debit_account) FILTER (WHERE t.line = 'principal'))
        AS debtor_position,
    min(t.credit_account) FILTER (WHERE t.line = 'principal') AS creditor_position
FROM (SELECT DISTINCT payment_id, received_on FROM payment_return) r
JOIN payment p USING (payment_id, received_on)
JOIN transfer t ON t.received_on = p.received_on AND t.xid = p.xid AND t.position = p.position AND NOT t.alone
GROUP BY r.payment_id
