-- Figures of a report. What is alike is added up here: decisions are shared (standing), so a day has some hundreds of groups.

-- name: sandbox
SELECT to_regclass('fence') IS NOT NULL

-- name: freely
-- Aggregates go by scans and hashes, planned for what is asked; the store's sessions otherwise go by index alone.
SET LOCAL enable_seqscan = on;
SET LOCAL plan_cache_mode = auto

-- name: settled
-- $1, $2: instants; $3: the last day on which what settled before $2 can have been received; $5, $6: small amounts by currency.
SELECT g.*, s.standing
FROM (
    SELECT (p.settled_at AT TIME ZONE interval '8 hours')::date AS day, d.standing_id,
        substr(p.debtor_agent, 5, 2) AS origin, substr(p.creditor_agent, 5, 2) AS destination,
        p.debit_currency, p.settlement_currency, coalesce(x.market, '') AS market,
        coalesce(x.sell_minor <= a.minor, false) AS small_sold, coalesce(p.settlement_minor <= b.minor, false) AS small_settled,
        count(*) AS count, coalesce(sum(x.sell_minor), 0) AS sold_minor, coalesce(sum(x.buy_minor), 0) AS bought_minor,
        sum(p.settlement_minor) AS settled_minor
    FROM payment p
    JOIN decision d USING (received_on, xid, position)
    LEFT JOIN LATERAL json_to_record(d.own::json -> 'price') AS x (market text, sell_minor bigint, buy_minor bigint) ON d.own <> '{}'
    LEFT JOIN unnest($5::text[], $6::bigint[]) AS a (currency, minor) ON a.currency = p.debit_currency
    LEFT JOIN unnest($5::text[], $6::bigint[]) AS b (currency, minor) ON b.currency = p.settlement_currency
    WHERE p.settled_at >= $1 AND p.settled_at < $2 AND p.received_on <= $3 AND ($4::text IS NULL OR p.participant = $4)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) g JOIN standing s USING (standing_id)

-- name: returned
-- As `settled`, of what came back: the way round, on its own day. $1, $2: instants; $3: participant; $4, $5: small amounts.
SELECT g.*, s.standing
FROM (
    SELECT (coalesce(r.released_at, r.booked_at) AT TIME ZONE interval '8 hours')::date AS day, d.standing_id,
        substr(p.creditor_agent, 5, 2) AS origin, substr(p.debtor_agent, 5, 2) AS destination,
        r.currency AS debit_currency, r.credited_currency AS settlement_currency, r.market,
        r.market <> '' AND coalesce(r.sold_minor <= a.minor, false) AS small_sold,
        coalesce(CASE r.market WHEN '' THEN r.amount_minor ELSE r.bought_minor END <= b.minor, false) AS small_settled,
        count(*) AS count, sum(r.sold_minor) AS sold_minor, sum(r.bought_minor) AS bought_minor,
        sum(CASE r.market WHEN '' THEN r.amount_minor ELSE r.bought_minor END) AS settled_minor
    FROM payment_return r
    JOIN payment p USING (payment_id, received_on)
    JOIN decision d ON d.received_on = p.received_on AND d.xid = p.xid AND d.position = p.position
    LEFT JOIN unnest($4::text[], $5::bigint[]) AS a (currency, minor) ON a.currency = r.currency
    LEFT JOIN unnest($4::text[], $5::bigint[]) AS b (currency, minor) ON b.currency = r.credited_currency
    WHERE r.state IN ('returned', 'released') AND coalesce(r.released_at, r.booked_at) >= $1
        AND coalesce(r.released_at, r.booked_at) < $2 AND ($3::text IS NULL OR p.participant = $3)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) g JOIN standing s USING (standing_id)

-- name: held
SELECT count(*) FROM payment_return
WHERE state = 'suspended' AND booked_at >= $1 AND booked_at < $2 AND ($3::text IS NULL OR participant = $3)

-- name: unsettled
SELECT status, count(*) AS count FROM payment
WHERE settled_at IS NULL AND received_on BETWEEN $1 AND $2 AND ($3::text IS NULL OR participant = $3)
GROUP BY status

-- name: late
SELECT count(*) FROM exception_record r JOIN payment p USING (payment_id, received_on)
WHERE r.kind = $4 AND r.at >= $1 AND r.at < $2 AND ($3::text IS NULL OR p.participant = $3)
