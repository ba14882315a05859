-- A copy of a sandbox in a database of its own: the same tables and rows, without keys and checks, so that anything can be written
-- into it. And functions that tell a payment in it, whole and right, for a fault to be planted into.

-- name: schemas
SELECT nspname AS name FROM pg_namespace
WHERE nspname = $1 OR (starts_with(nspname, $1 || '_rail_') AND to_regclass(format('%I.book', nspname)) IS NOT NULL)

-- name: tables
-- Of schema $1, with the columns as they are written in CREATE TABLE.
SELECT c.relname AS name, string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY c.relname

-- name: views
SELECT relname AS name, pg_get_viewdef(oid) AS text FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relkind = 'v'

-- name: paid
-- A payment of the sandbox to plant into: paid, by a rail whose book is here ($1) if any is, and nothing more has happened to it.
SELECT p.payment_id::text, p.rail
FROM payment p
WHERE p.status IN ('credited', 'settled') AND p.quote_id = '' AND NOT p.awaits_rail
    AND NOT EXISTS (SELECT FROM exception_record x WHERE x.payment_id = p.payment_id)
    AND NOT EXISTS (SELECT FROM payment_return r WHERE r.payment_id = p.payment_id)
    AND NOT EXISTS (SELECT FROM adjustment a WHERE a.payment_id = p.payment_id)
    AND NOT EXISTS (SELECT FROM event e WHERE e.payment_id = p.payment_id AND e.detail <> '{}')
ORDER BY p.rail = ANY ($1::text[]) DESC, p.status, p.payment_id LIMIT 1

-- name: functions
CREATE SCHEMA plant;
CREATE TABLE plant.world (paid uuid, rail_schema text);
CREATE TABLE plant.last (id uuid, key text); -- what was told last
INSERT INTO plant.last VALUES (NULL, NULL);
CREATE SEQUENCE plant.xid MINVALUE 1099511628000; -- no cluster has come so far

CREATE FUNCTION plant.new_id() RETURNS uuid LANGUAGE sql AS $$ SELECT md5('planted ' || nextval('plant.xid'))::uuid $$;

CREATE FUNCTION plant.made(path text[]) RETURNS uuid LANGUAGE plpgsql AS $$
-- Tells the paid payment anew under another id, with a history of its own; its money moves between two accounts of its own, it
-- claims nothing of the law. Everything it says is of long ago.
DECLARE
    w plant.world;
    p payment;
    d decision;
    final text := path[cardinality(path)];
    refused boolean := path = ARRAY['rejected'];
    money text := CASE WHEN final IN ('credited', 'settled') THEN 'posted' WHEN final = 'rejected' THEN 'voided' ELSE 'pending' END;
    long_ago timestamptz := '2000-01-01 00:00+00';
    accounts text[];
    minor bigint;
BEGIN
    SELECT * INTO w FROM plant.world;
    SELECT * INTO p FROM payment WHERE payment_id = w.paid;
    SELECT * INTO d FROM decision WHERE payment_id = w.paid;
    minor := p.settlement_minor;
    p.payment_id := plant.new_id();
    UPDATE plant.last SET id = p.payment_id;
    p.uetr := plant.new_id();
    p.instruction_id := 'planted-' || p.payment_id;
    p.moves := ARRAY(SELECT nextval('plant.xid')::text::xid8 FROM unnest(path));
    p.xid := p.moves[1];
    p.position := 0;
    p.status := final;
    p.code := CASE final WHEN 'rejected' THEN 'AC03' ELSE '' END;
    p.awaits_rail := money = 'pending';
    p.net_claims := false;
    p.deadline_at := long_ago;
    p.settled_at := CASE money WHEN 'posted' THEN long_ago END;
    p.leg_status := CASE final WHEN 'queued' THEN 'held' WHEN 'accepted' THEN 'held' WHEN 'submitted' THEN 'sent' WHEN 'in_doubt' THEN 'sent'
        ELSE final END;
    d.payment_id := p.payment_id;
    d.xid := p.xid;
    d.position := 0;
    d.claims := '[]';
    IF refused THEN
        p.rail := ''; p.leg_status := ''; p.deadline_at := NULL; p.lane := ''; p.settlement_minor := 0; p.debit_minor := 0;
        d.claims := NULL; d.own := NULL; d.standing_id := NULL;
    END IF;
    INSERT INTO payment SELECT (p).*;
    INSERT INTO decision SELECT (d).*;
    INSERT INTO identity (kind, key, payment_id, received_on) VALUES (1, p.payment_id, p.payment_id, p.received_on), (2, p.uetr, p.payment_id, p.received_on);
    INSERT INTO event (payment_id, received_on, n, status, code, at, detail, participant, xid, position)
    SELECT p.payment_id, p.received_on, n, status, CASE status WHEN 'rejected' THEN 'AC03' ELSE '' END, long_ago, '{}', p.participant, p.moves[n], 0
    FROM unnest(path) WITH ORDINALITY AS x (status, n);
    IF refused THEN
        RETURN p.payment_id;
    END IF;
    accounts := ARRAY[format('planted:%s-from:%s', p.payment_id, p.settlement_currency), format('planted:%s-to:%s', p.payment_id, p.settlement_currency)];
    INSERT INTO transfer (payment_id, received_on, n, debit_account, credit_account, amount_minor, currency, line, alone, xid, position)
    VALUES (p.payment_id, p.received_on, 1, accounts[1], accounts[2], minor, p.settlement_currency, 'principal', false, p.xid, 0);
    INSERT INTO counter (key, up_pending, up_posted, down_pending, down_posted, version)
    SELECT accounts[side], CASE WHEN money = 'pending' AND side = 1 THEN minor ELSE 0 END, CASE WHEN money = 'posted' AND side = 1 THEN minor ELSE 0 END,
        CASE WHEN money = 'pending' AND side = 2 THEN minor ELSE 0 END, CASE WHEN money = 'posted' AND side = 2 THEN minor ELSE 0 END,
        CASE money WHEN 'pending' THEN 1 ELSE 2 END
    FROM generate_series(1, 2) AS side;
    INSERT INTO batch (xid, step, counters, versions) VALUES (p.xid, 'accept', accounts, '{1,1}');
    IF money <> 'pending' THEN
        INSERT INTO batch (xid, step, counters, versions) VALUES (p.moves[cardinality(path)], 'finish', accounts, '{2,2}');
        IF w.rail_schema IS NOT NULL THEN
            EXECUTE format('INSERT INTO %I.book SELECT $1, 1, $2, 1, $3, $4, $5, $6, NULL, $6', w.rail_schema)
            USING p.uetr, CASE final WHEN 'settled' THEN 1 WHEN 'credited' THEN 2 ELSE 3 END, CASE final WHEN 'rejected' THEN 'AC03' END,
                p.settlement_minor, p.settlement_currency, long_ago;
        END IF;
    END IF;
    RETURN p.payment_id;
END $$;

CREATE FUNCTION plant.ordered() RETURNS uuid LANGUAGE plpgsql AS $$
-- Tells a buy of 100 at 1 that is open, on a new quota of the day on which a payment was received; returns its id.
DECLARE
    id uuid := plant.new_id();
    day date := (SELECT received_on FROM payment ORDER BY received_on LIMIT 1);
    rule text := 'planted.' || id;
    told_in xid8 := '1099511627001';
BEGIN
    INSERT INTO market_order VALUES (id, day, rule, 'PLANT', '600000', 'buy', 100, 1, 'CNY', 1, 100, 10000, 'open');
    INSERT INTO order_event (event_id, trading_day, order_id, kind, at, quantity, price, reason, open_quantity, ceiling, latches, content_hash, position, xid)
    VALUES (id, day, id, 'place', '2000-01-01 00:00+00', 100, 1, '', 100, 20000, '', '', 0, told_in);
    INSERT INTO batch (xid, step, counters, versions) VALUES (told_in, 'orders', ARRAY[rule || '|market|' || day], ARRAY[1]);
    INSERT INTO counter (key, up_pending, up_posted, down_pending, down_posted, version, latched, latching, ceiling)
    VALUES (rule || '|market|' || day, 10000, 0, 0, 0, 1, '', '', 20000);
    RETURN id;
END $$;

CREATE FUNCTION plant.claimed(claims text[], latched_at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
-- Tells a paid payment for each of these claims, one after the other, all on one new counter (KEY); returns its key.
DECLARE
    counter_key text := format('planted|%s|window', plant.new_id());
    claim jsonb;
    id uuid;
    made bigint := 0;
BEGIN
    FOR i IN 1 .. cardinality(claims) LOOP
        claim := jsonb_set(claims[i]::jsonb, '{1}', to_jsonb(counter_key));
        id := plant.made(ARRAY['accepted', 'credited']);
        UPDATE decision SET claims = jsonb_build_array(claim)::text WHERE payment_id = id;
        UPDATE batch b SET counters = b.counters || counter_key, versions = b.versions || i::bigint
        FROM payment p WHERE p.payment_id = id AND b.xid = p.xid AND b.step = 'accept';
        made := made + (claim ->> 2)::bigint;
    END LOOP;
    INSERT INTO counter (key, up_pending, up_posted, down_pending, down_posted, version, latched, latched_at, ceiling)
    VALUES (counter_key, 0, made, 0, 0, cardinality(claims), CASE WHEN latched_at IS NULL THEN '' ELSE 'window' END, claimed.latched_at, (claim ->> 3)::bigint);
    UPDATE plant.last SET key = counter_key;
    RETURN counter_key;
END $$

-- name: make
CREATE TABLE {schema}.{table} ({columns})

-- name: read
SELECT * FROM {schema}.{table}

-- name: choose
INSERT INTO plant.world VALUES ($1::uuid, $2)
