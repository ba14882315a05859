-- What the accepting transaction of a batch does, in one call: a round trip for each table cost a small batch more than its
-- rows did. Hot rows come last.

CREATE TYPE admitted_transfer AS (
    n smallint, debit_account text, credit_account text, amount_minor bigint, currency text, line text
);

CREATE TYPE admitted AS (         -- a payment as it is first written: of one that is refused, what was planned stays empty
    payment_id uuid, received_on date, received_at timestamptz, participant text, status text, code text, detail text,
    uetr uuid, instruction_id text, debtor_agent text, creditor_agent text, rulebook_id text, "position" integer,
    lane text, debit_minor bigint, debit_currency text, settlement_minor bigint, settlement_currency text, quote_id text,
    rail text, leg_status text, deadline_at timestamptz, awaits_rail boolean, net_claims boolean,
    key_identity uuid, uetr_identity uuid, instruction_identity uuid, content_hash bytea,
    standing_id text, own text, claims text, sealed bytea, transfers admitted_transfer[], opens_at timestamptz
);

CREATE FUNCTION reserve(keys text, ups text, posts text, downs text, latches text, ceilings text, floors text) RETURNS bigint
LANGUAGE plpgsql AS $$
-- The sums of a whole batch at once, each column joined into one text: half the time of arrays in Python. One empty text is
-- an array of nothing: hence the coalesce. No key holds a
-- comma; one that did would leave sums null, which the table refuses. The guard stands twice, for a counter's first row
-- and for a row that is there; a row that fails it does not come back. A bound is empty (null) where nothing is tested,
-- and `latching` makes the upper test strict where it is not empty. What came back is noted as the transaction's batch and counted.
DECLARE
    came_back bigint;
BEGIN
    WITH hot AS (INSERT INTO counter AS held (key, up_pending, up_posted, down_pending, latching, ceiling, floor, version)
    SELECT asked.key, asked.up_pending, asked.up_posted, asked.down_pending, coalesce(asked.latching, ''), asked.ceiling, asked.floor, 1
    FROM unnest(string_to_array(keys, ','), string_to_array(ups, ',')::bigint[], string_to_array(posts, ',')::bigint[],
        string_to_array(downs, ',')::bigint[], string_to_array(latches, ','),
        string_to_array(ceilings, ',', '')::bigint[], string_to_array(floors, ',', '')::bigint[])
        AS asked (key, up_pending, up_posted, down_pending, latching, ceiling, floor)
    WHERE (
            (asked.ceiling IS NULL OR asked.up_pending + asked.up_posted + (coalesce(asked.latching, '') <> '')::int <= asked.ceiling)
            AND (asked.floor IS NULL OR -asked.down_pending >= asked.floor)
        )
        OR (SELECT true FROM counter WHERE counter.key = asked.key) -- the other guard's; as a scalar it is never hashed
    ON CONFLICT (key) DO UPDATE SET
        up_pending = held.up_pending + excluded.up_pending,
        up_posted = held.up_posted + excluded.up_posted,
        down_pending = held.down_pending + excluded.down_pending,
        latching = excluded.latching,
        ceiling = coalesce(excluded.ceiling, held.ceiling),
        floor = coalesce(excluded.floor, held.floor),
        version = held.version + 1
    WHERE (
            excluded.ceiling IS NULL
            OR (
                held.latched = ''
                AND held.up_pending + held.up_posted - held.down_posted
                    + excluded.up_pending + excluded.up_posted + (excluded.latching <> '')::int <= excluded.ceiling
            )
        )
        AND (
            excluded.floor IS NULL
            OR held.up_posted - held.down_pending - held.down_posted - excluded.down_pending >= excluded.floor
        )
    RETURNING held.key, held.version
    ), noted AS (
        INSERT INTO batch (step, counters, versions)
        SELECT 'accept', array_agg(hot.key), array_agg(hot.version) FROM hot HAVING count(*) > 0
    )
    SELECT count(*) INTO came_back FROM hot;
    RETURN came_back;
END $$;

CREATE PROCEDURE write_payments(items admitted[], worker bigint) LANGUAGE plpgsql AS $$
-- Payments with all that belongs to them but their identities and counters.
BEGIN
    INSERT INTO payment (payment_id, received_on, received_at, participant, status, code, detail, uetr, instruction_id,
        debtor_agent, creditor_agent, rulebook_id, incarnation, position, lane, debit_minor, debit_currency, settlement_minor,
        settlement_currency, quote_id, rail, leg_status, deadline_at, awaits_rail, net_claims)
    SELECT i.payment_id, i.received_on, i.received_at, i.participant, i.status, i.code, i.detail, i.uetr, i.instruction_id,
        i.debtor_agent, i.creditor_agent, i.rulebook_id, worker, i.position, i.lane, i.debit_minor, i.debit_currency, i.settlement_minor,
        i.settlement_currency, i.quote_id, i.rail, i.leg_status, i.deadline_at, i.awaits_rail, i.net_claims
    FROM unnest(items) i;
    INSERT INTO event (payment_id, received_on, n, status, code, at, detail, participant, position)
    SELECT i.payment_id, i.received_on, 1, i.status, i.code, i.received_at,
        CASE WHEN i.status = 'queued' THEN i.detail ELSE '{}' END, i.participant, i.position
    FROM unnest(items) i;
    INSERT INTO decision (payment_id, received_on, position, sealed, standing_id, own, claims)
    SELECT i.payment_id, i.received_on, i.position, i.sealed, i.standing_id, i.own, i.claims FROM unnest(items) i;
    INSERT INTO transfer (payment_id, received_on, n, debit_account, credit_account, amount_minor, currency, line, alone, position)
    SELECT i.payment_id, i.received_on, t.n, t.debit_account, t.credit_account, t.amount_minor, t.currency, t.line, false, i.position
    FROM unnest(items) i CROSS JOIN LATERAL unnest(i.transfers) t;
    INSERT INTO queued (payment_id, received_on, opens_at)
    SELECT i.payment_id, i.received_on, i.opens_at FROM unnest(items) i WHERE i.opens_at IS NOT NULL;
END $$;

CREATE FUNCTION claim_quotes(quote_ids text[], used_by uuid[]) RETURNS SETOF quote LANGUAGE sql AS $$
-- Returns those that are this batch's now; locked along their ids, so that no two batches wait for each other.
WITH free AS MATERIALIZED (
    SELECT q.quote_id, x.payment_id FROM unnest(quote_ids, claim_quotes.used_by) x (quote_id, payment_id) JOIN quote q USING (quote_id)
    WHERE q.used_by IS NULL ORDER BY q.quote_id FOR NO KEY UPDATE OF q
)
UPDATE quote q SET used_by = free.payment_id FROM free WHERE q.quote_id = free.quote_id RETURNING q.*
$$;

CREATE PROCEDURE accept_batch(
    items admitted[], generation bigint, worker bigint, quote_ids text[], used_by uuid[],
    keys text, ups text, posts text, downs text, latches text, ceilings text, floors text, INOUT verdict text
) LANGUAGE plpgsql AS $$
-- The fast path: a batch as if nothing of it were known and every claim fitted; then the verdict is null. Where that is not
-- so it is rolled back as a whole and the verdict says why: an identity stands already, the worker's lease was taken for
-- lost, the world moved on, a quote is used, a counter did not take its sum. None of these is an error, which a busy
-- server's log would be full of.
DECLARE
    found bigint;
BEGIN
    -- First, as it waits for whoever inserts the same; by kind and key, as everyone inserts them.
    INSERT INTO identity (kind, key, payment_id, received_on, content_hash)
    SELECT k.kind, k.key, i.payment_id, i.received_on, k.content_hash
    FROM unnest(items) i CROSS JOIN LATERAL (
        VALUES (1::smallint, i.key_identity, i.content_hash), (2, i.uetr_identity, ''::bytea), (3, i.instruction_identity, ''::bytea)
    ) k (kind, key, content_hash)
    ORDER BY k.kind, k.key
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> 3 * cardinality(items) THEN
        verdict := 'known';
        ROLLBACK;
        RETURN;
    END IF;
    -- With the worker's own lease row, which whoever takes over locks and deletes: a worker that was given up accepts nothing.
    SELECT f.generation INTO found FROM fence f CROSS JOIN worker w
    WHERE f.id = 1 AND w.incarnation = accept_batch.worker FOR SHARE OF f FOR KEY SHARE OF w;
    IF found IS NULL OR found <> accept_batch.generation THEN
        verdict := CASE WHEN found IS NULL THEN 'no lease' ELSE 'stale world' END;
        ROLLBACK;
        RETURN;
    END IF;
    IF cardinality(quote_ids) > 0 THEN
        SELECT count(*) INTO found FROM claim_quotes(quote_ids, used_by);
        IF found <> cardinality(quote_ids) THEN
            verdict := 'quote used';
            ROLLBACK;
            RETURN;
        END IF;
    END IF;
    CALL write_payments(items, worker);
    IF keys <> '' AND reserve(keys, ups, posts, downs, latches, ceilings, floors) <> cardinality(string_to_array(keys, ',')) THEN
        verdict := 'counter tight';
        ROLLBACK;
    END IF;
END $$;
