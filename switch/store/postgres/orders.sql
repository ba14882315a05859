-- Orders of the market links. Their quota's counter is locked first: whoever holds it judges, and the next comes after.

-- name: known_events
SELECT e.event_id, e.content_hash, e.reason
FROM unnest($1::uuid[], $2::date[]) x (event_id, trading_day) JOIN order_event e USING (event_id, trading_day)

-- name: held_orders
SELECT o.* FROM unnest($1::uuid[], $2::date[]) x (order_id, trading_day) JOIN market_order o USING (order_id, trading_day)

-- name: insert_orders
INSERT INTO market_order (order_id, trading_day, quota, participant, instrument, side, quantity, price, currency, rate,
    open_quantity, claimed_minor, state)
SELECT * FROM unnest($1::written_order[])

-- name: move_orders
UPDATE market_order o SET open_quantity = x.open_quantity, claimed_minor = x.claimed_minor, state = x.state
FROM unnest($1::uuid[], $2::date[], $3::bigint[], $4::bigint[], $5::text[])
    AS x (order_id, trading_day, open_quantity, claimed_minor, state)
WHERE o.order_id = x.order_id AND o.trading_day = x.trading_day

-- name: insert_events
INSERT INTO order_event (event_id, trading_day, order_id, kind, at, quantity, price, reason, open_quantity,
    ceiling, latches, content_hash, position)
SELECT * FROM unnest($1::written_order_event[])

-- name: order
SELECT * FROM market_order WHERE order_id = $1 AND trading_day = $2
