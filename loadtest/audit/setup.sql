-- What the checks look at, gathered once in temporary tables of the auditor's own transaction, which sees one moment of the
-- system. Run in this order. What a status means is written down here anew: an auditor keeps books of his own.

-- name: money
-- What the money of a payment is in each status (design 2).
CREATE TEMP TABLE money (status text PRIMARY KEY, money text NOT NULL) ON COMMIT DROP

-- name: money_rows
INSERT INTO money VALUES
    ('queued', 'pending'), ('accepted', 'pending'), ('submitted', 'pending'), ('in_doubt', 'pending'), ('blocked', 'pending'),
    ('settled', 'posted'), ('credited', 'posted'), ('rejected', 'voided'), ('cancelled', 'voided')

-- name: move
-- Which status may follow which; a status that stands nowhere on the left is final.
CREATE TEMP TABLE move (before text, after text, PRIMARY KEY (before, after)) ON COMMIT DROP

-- name: move_rows
INSERT INTO move VALUES
    ('', 'accepted'), ('', 'queued'), ('', 'rejected'),
    ('queued', 'accepted'), ('queued', 'cancelled'), ('queued', 'rejected'), ('queued', 'blocked'),
    ('accepted', 'submitted'), ('accepted', 'in_doubt'), ('accepted', 'settled'), ('accepted', 'credited'),
    ('accepted', 'rejected'), ('accepted', 'blocked'),
    ('submitted', 'in_doubt'), ('submitted', 'settled'), ('submitted', 'credited'), ('submitted', 'rejected'),
    ('submitted', 'blocked'),
    ('in_doubt', 'blocked'), ('in_doubt', 'settled'), ('in_doubt', 'credited'), ('in_doubt', 'rejected'),
    ('settled', 'credited')

-- name: row
-- Counters and batches get a number each: numbers join and sort many times faster than keys that begin alike.
CREATE TEMP TABLE row ON COMMIT DROP AS SELECT row_number() OVER ()::integer AS id, key FROM counter

-- name: transaction
CREATE TEMP TABLE transaction ON COMMIT DROP AS SELECT row_number() OVER ()::integer AS id, xid, step FROM batch

-- name: written
-- Which version of which counter each transaction made (or, in the exact path, saw).
CREATE TEMP TABLE written ON COMMIT DROP AS
SELECT t.id AS transaction, r.id AS row, v.key, v.version
FROM batch b
JOIN transaction t USING (xid, step)
CROSS JOIN unnest(b.counters, b.versions) AS v (key, version)
LEFT JOIN row r ON r.key = v.key

-- name: limit_claim
-- The claims of the law that were admitted with each payment, as it keeps them: rule, counter, delta, ceiling, floor,
-- admission, effect, gross, gives back, ... in this order.
CREATE TEMP TABLE limit_claim ON COMMIT DROP AS
SELECT d.payment_id, c.n::integer, c.value ->> 0 AS rule, c.value ->> 1 AS counter, (c.value ->> 2)::bigint AS delta,
    CASE WHEN (c.value ->> 2)::bigint >= 0 THEN (c.value ->> 3)::bigint ELSE (c.value ->> 4)::bigint END AS bound,
    -- What must find room: all of a claim, or any room at all where it may overshoot.
    CASE c.value ->> 5 WHEN 'while_open' THEN sign((c.value ->> 2)::bigint)::bigint ELSE (c.value ->> 2)::bigint END AS needed,
    (c.value ->> 7)::boolean AS gross, (c.value ->> 8)::boolean AS gives_back
FROM decision d CROSS JOIN json_array_elements(d.claims::json) WITH ORDINALITY AS c (value, n)

-- name: forced_claim
-- The claims that exception records force.
CREATE TEMP TABLE forced_claim ON COMMIT DROP AS
SELECT x.payment_id, x.kind, x.xid, x.at, c.value ->> 0 AS rule, c.value ->> 1 AS counter, (c.value ->> 2)::bigint AS delta
FROM exception_record x CROSS JOIN json_array_elements(x.claims::json) AS c (value)

-- name: claim
-- Every claim of every payment, with the transaction that admitted it and its place in that transaction's batch.
CREATE TEMP TABLE claim ON COMMIT DROP AS
SELECT p.payment_id, coalesce(m.money, 'pending') AS money, t.id AS transaction, p.position, c.n::integer, r.id AS row, c.delta, c.bound, c.needed,
    c.gross AND c.delta >= 0 AS straight, c.gives_back
FROM payment p
LEFT JOIN money m USING (status)
LEFT JOIN transaction t ON t.xid = p.xid AND t.step = 'accept'
JOIN (
    SELECT payment_id, n, counter, delta, bound, needed, gross, gives_back FROM limit_claim
    UNION ALL  -- the pending transfer is the claim on its accounts: what is prefunded may not go below zero
    SELECT payment_id, 1000, debit_account, sum(amount_minor)::bigint,
        CASE WHEN debit_account ~ '^(position|inventory):' THEN 0::bigint END, sum(amount_minor)::bigint, false, false
    FROM transfer WHERE NOT alone GROUP BY payment_id, debit_account
    UNION ALL
    SELECT payment_id, 2000, credit_account, -sum(amount_minor)::bigint, NULL, NULL, false, false
    FROM transfer WHERE NOT alone GROUP BY payment_id, credit_account
) c USING (payment_id)
LEFT JOIN row r ON r.key = c.counter

-- name: closing
-- The transaction in which each payment's money ceased to be pending.
CREATE TEMP TABLE closing ON COMMIT DROP AS
SELECT e.payment_id, e.step, t.id AS transaction
FROM (
    SELECT DISTINCT ON (e.payment_id) e.payment_id, e.xid, CASE m.money WHEN 'posted' THEN 'post' ELSE 'void' END AS step
    FROM event e JOIN money m USING (status)
    WHERE e.n > 1 AND m.money <> 'pending'
    ORDER BY e.payment_id, e.n
) e
LEFT JOIN transaction t ON t.xid = e.xid AND t.step = 'finish'

-- name: alone
-- What is posted by itself: opening transfers, suspense, forced claims.
CREATE TEMP TABLE alone ON COMMIT DROP AS
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
-- Which share of a payment's claims had gone back before and after each step, as fractions: nothing is rounded twice.
CREATE TEMP TABLE given ON COMMIT DROP AS
SELECT a.payment_id, a.step, a.n, row_number() OVER steps AS place, t.id AS transaction,
    lag(a.given, 1, 0::bigint) OVER steps::numeric AS before, lag(a.given_of, 1, 1::bigint) OVER steps::numeric AS before_of,
    a.given::numeric AS after, a.given_of::numeric AS after_of
FROM adjustment a
LEFT JOIN transaction t ON t.step = 'adjust' AND t.xid = a.xid
WINDOW steps AS (PARTITION BY a.payment_id ORDER BY a.n)

-- name: back
-- What each step gave back of each claim whose rule gives back: of all that went back by then, rounded down, what is new.
CREATE TEMP TABLE back ON COMMIT DROP AS
SELECT transaction, row, payment_id, n, delta, amount
FROM (
    SELECT g.transaction, c.row, c.payment_id, c.n, c.delta,
        (div(abs(c.delta) * g.after, g.after_of) - div(abs(c.delta) * g.before, g.before_of))::bigint AS amount
    FROM given g JOIN claim c USING (payment_id)
    WHERE c.gives_back
) share
WHERE amount <> 0

-- name: path
-- Where the sums of a counter went when its person was linked to another: a row for each link on its way, nearest first.
CREATE TEMP TABLE path ON COMMIT DROP AS
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
-- Where they are now.
CREATE TEMP TABLE resting ON COMMIT DROP AS
SELECT DISTINCT ON (row) row, onto FROM path ORDER BY row, depth DESC

-- name: elsewhere
-- What became of claims after a link: their own counter was not written any more, but the next on its way that was.
CREATE TEMP TABLE elsewhere ON COMMIT DROP AS
SELECT DISTINCT ON (c.transaction, c.row) c.transaction, c.row, p.onto
FROM (
    SELECT k.transaction, c.row FROM claim c JOIN resting USING (row) JOIN closing k USING (payment_id)
    UNION
    SELECT a.transaction, a.row FROM alone a JOIN resting USING (row)
    UNION
    SELECT b.transaction, b.row FROM back b JOIN resting USING (row)
) c
JOIN path p USING (row)
JOIN written w ON w.transaction = c.transaction AND w.row = p.onto
WHERE NOT EXISTS (SELECT FROM written own WHERE own.transaction = c.transaction AND own.row = c.row)
ORDER BY c.transaction, c.row, p.depth

-- name: tight
-- Counters whose history must be replayed. The others cannot have gone beyond a bound in any order: all that was ever
-- claimed, nothing given back, fits beside what was posted before the first claim. Of linked ones we look at all.
CREATE TEMP TABLE tight ON COMMIT DROP AS
SELECT c.row
FROM claim c
LEFT JOIN (
    SELECT a.row, sum(a.down) AS down, sum(a.up) AS up
    FROM alone a JOIN written w USING (transaction, row)
    WHERE w.version = 0
    GROUP BY a.row
) opening USING (row)
GROUP BY c.row, opening.up, opening.down
HAVING sum(c.delta) FILTER (WHERE c.delta > 0) > min(c.bound) FILTER (WHERE c.delta >= 0)
        + coalesce(opening.down - opening.up, 0)
    OR sum(c.delta) FILTER (WHERE c.delta < 0) < max(c.bound) FILTER (WHERE c.delta < 0)
        - coalesce(opening.up - opening.down, 0)
UNION
SELECT row FROM path
UNION
SELECT onto FROM path

-- name: change
-- Every change of the counters that are to be replayed.
CREATE TEMP TABLE change ON COMMIT DROP AS
SELECT c.row, c.transaction, c.position, c.payment_id, c.n, c.delta, c.bound, c.needed,
    CASE WHEN c.delta > 0 AND NOT c.straight THEN c.delta ELSE 0 END AS up_pending,
    CASE WHEN c.straight THEN c.delta ELSE 0 END AS up_posted,
    CASE WHEN c.delta < 0 THEN -c.delta ELSE 0 END AS down_pending,
    0::bigint AS down_posted
FROM claim c JOIN tight USING (row)
UNION ALL
SELECT coalesce(e.onto, c.row), k.transaction, 0, c.payment_id, c.n, 0, NULL, NULL,
    CASE WHEN c.delta > 0 AND NOT c.straight THEN -c.delta ELSE 0 END,
    CASE WHEN c.straight THEN -c.delta WHEN c.delta > 0 AND k.step = 'post' THEN c.delta ELSE 0 END,
    CASE WHEN c.delta < 0 THEN c.delta ELSE 0 END,
    CASE WHEN c.delta < 0 AND k.step = 'post' THEN -c.delta ELSE 0 END
FROM claim c JOIN tight USING (row) JOIN closing k USING (payment_id)
LEFT JOIN elsewhere e ON e.transaction = k.transaction AND e.row = c.row
WHERE NOT (c.straight AND k.step = 'post')
UNION ALL
SELECT coalesce(e.onto, a.row), a.transaction, 0, NULL, 0, 0, NULL, NULL, 0, a.up, 0, a.down
FROM alone a JOIN tight USING (row) LEFT JOIN elsewhere e USING (transaction, row)
UNION ALL
SELECT coalesce(e.onto, b.row), b.transaction, 0, b.payment_id, b.n, 0, NULL, NULL, 0, CASE WHEN b.delta > 0 THEN -b.amount ELSE 0 END,
    0, CASE WHEN b.delta < 0 THEN -b.amount ELSE 0 END
FROM back b JOIN tight USING (row) LEFT JOIN elsewhere e USING (transaction, row)

-- name: link_change
-- What each link took from one counter and added to another: all that had happened to the one by then.
INSERT INTO change
SELECT CASE side WHEN 1 THEN p.onto ELSE p.source END, p.transaction, 0, NULL, 0, 0, NULL, NULL, (side * sum(c.up_pending))::bigint,
    (side * sum(c.up_posted))::bigint, (side * sum(c.down_pending))::bigint, (side * sum(c.down_posted))::bigint
FROM change c JOIN path p USING (row) CROSS JOIN (VALUES (1), (-1)) AS s (side)
GROUP BY side, p.onto, p.source, p.transaction

-- name: touched
-- Which counters each transaction must have written.
CREATE TEMP TABLE touched ON COMMIT DROP AS
SELECT c.row, c.transaction FROM claim c
UNION
SELECT coalesce(e.onto, c.row), k.transaction
FROM claim c JOIN closing k USING (payment_id) LEFT JOIN elsewhere e ON e.transaction = k.transaction AND e.row = c.row
WHERE NOT (c.straight AND k.step = 'post')
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
CREATE TEMP TABLE owner ON COMMIT DROP AS
SELECT p.payment_id, p.status, p.uetr, p.settlement_minor, p.settlement_currency, l.rail, l.n, l.status AS leg_status, l.deadline_at,
    p.awaits_rail,
    EXISTS ( -- it was an operator who honoured or rejected it, not its rail
        SELECT FROM event e
        WHERE e.payment_id = p.payment_id AND e.received_on = p.received_on AND e.status IN ('settled', 'rejected')
            AND (e.detail::jsonb ? 'decided_by' OR e.detail::jsonb ->> 'reason' = 'operator-rejected')
    ) AS by_operator
FROM payment p JOIN leg l USING (payment_id, received_on)

-- name: rail_book
CREATE TEMP TABLE rail_book (
    rail text, uetr uuid, leg smallint, outcome smallint, amount_minor bigint, currency text, received_at timestamptz,
    known_at timestamptz
) ON COMMIT DROP

-- name: rail_back
-- What the rails say has come back: a recall that was accepted, or money nobody asked for.
CREATE TEMP TABLE rail_back (
    rail text, id uuid, asked boolean, uetr uuid, leg smallint, amount_minor bigint, currency text, at timestamptz
) ON COMMIT DROP

-- name: back_line
-- The transfers of each return, at its place and at that of its release.
CREATE TEMP TABLE back_line ON COMMIT DROP AS
SELECT r.return_id, t.n, t.line, t.debit_account, t.credit_account, t.amount_minor, t.currency
FROM payment_return r
JOIN transfer t ON t.received_on = r.received_on AND t.xid IN (r.xid, r.released_xid) AND t.position = 0 AND t.n >= 200
    AND t.payment_id = r.payment_id

-- name: back_net
-- What each return moved, account by account: what came in less what went out.
CREATE TEMP TABLE back_net ON COMMIT DROP AS
SELECT return_id, account, sum(minor)::bigint AS minor
FROM (
    SELECT return_id, credit_account AS account, amount_minor AS minor FROM back_line
    UNION ALL
    SELECT return_id, debit_account, -amount_minor FROM back_line
) side GROUP BY return_id, account

-- name: source
-- Where each payment's money came from, and went to.
CREATE TEMP TABLE source ON COMMIT DROP AS
SELECT r.payment_id, coalesce(min(t.debit_account) FILTER (WHERE t.line = 'conversion'), min(t.debit_account) FILTER (WHERE t.line = 'principal'))
        AS debtor_position,
    min(t.credit_account) FILTER (WHERE t.line = 'principal') AS creditor_position
FROM (SELECT DISTINCT payment_id, received_on FROM payment_return) r
JOIN payment p USING (payment_id, received_on)
JOIN transfer t ON t.received_on = p.received_on AND t.xid = p.xid AND t.position = p.position AND NOT t.alone
GROUP BY r.payment_id

-- name: rail_schemas
SELECT nspname AS schema, replace(substr(nspname, length($1) + 7), '_', '-') AS rail
FROM pg_namespace
WHERE starts_with(nspname, $1 || '_rail_') AND to_regclass(format('%I.book', nspname)) IS NOT NULL
ORDER BY nspname

-- name: copy_book
-- Of the rail $1, whose schema stands first on the search path. What an operator has dictated stands in an entry's place.
INSERT INTO rail_book
SELECT $1, uetr, leg, outcome, amount_minor, currency, received_at, coalesce(settled_at, final_at) FROM dictated
UNION ALL
SELECT $1, uetr, leg, outcome, amount_minor, currency, received_at, coalesce(settled_at, final_at)
FROM book
WHERE NOT EXISTS (SELECT FROM dictated WHERE dictated.uetr = book.uetr AND dictated.leg = book.leg)

-- name: copy_back
-- As copy_book.
INSERT INTO rail_back
SELECT $1, recall_id, true, uetr, leg, amount_minor, currency, answered_at FROM recall_case WHERE status = 'accepted'
UNION ALL
SELECT $1, u.return_id, false, u.uetr, u.leg, u.amount_minor, u.currency, u.at
FROM unasked_return u JOIN rail_book b USING (uetr, leg) WHERE b.rail = $1 AND b.outcome IN (1, 2)

-- name: search_path
SELECT set_config('search_path', $1, true)

-- name: analyze
ANALYZE row, transaction, written, claim, closing, alone, given, back, path, resting, elsewhere, change, touched, owner, rail_book, rail_back, back_line, back_net

-- name: sandbox_exists
SELECT to_regclass(format('%I.fence', $1::text)) IS NOT NULL

-- name: payments
SELECT count(*) FROM payment

-- name: clock
SELECT world ->> 'clock_anchor' AS anchor, world ->> 'clock_business' AS business, world ->> 'clock_rate' AS rate,
    (SELECT max(at) FROM event) AS newest_event_at
FROM fence

-- name: forced
SELECT payment_id::text, kind, rule, counter, delta FROM forced_claim ORDER BY at, payment_id
