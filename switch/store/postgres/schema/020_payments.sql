-- The books of one sandbox. Payments and what belongs to them are partitioned by the payment's received_on; identities
-- are not, because a unique index of a partitioned table must hold the partition key.
-- What belongs to a payment is found by its place: the accepting transaction (xid) and the position in its batch. Such
-- keys only grow, so their indexes cost an insert almost nothing, where random ids cost most of it.

CREATE TABLE fence (              -- one row: what every transaction of the sandbox agrees on
    id smallint PRIMARY KEY CHECK (id = 1),
    generation bigint NOT NULL,   -- of clock, rulebook, participants, faults
    world jsonb NOT NULL          -- their stored facts
);
INSERT INTO fence VALUES (1, 1, '{}');

CREATE TABLE worker (             -- who holds unfinished payments
    incarnation bigint PRIMARY KEY,
    lease_until timestamptz NOT NULL
);

CREATE TABLE identity (
    kind smallint NOT NULL CHECK (kind IN (1, 2, 3)),  -- 1 idempotency key, 2 UETR, 3 agent + instruction id + day
    key uuid NOT NULL,                                 -- 16 bytes, whatever they are of
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    content_hash bytea NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE participant_key (
    key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    participant text NOT NULL
);

CREATE TABLE quote (
    quote_id text PRIMARY KEY,
    participant text NOT NULL,
    price jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    used_by uuid                  -- null until the accepting transaction claims it
);

CREATE TABLE payment (
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    received_at timestamptz NOT NULL,
    participant text NOT NULL,
    status text NOT NULL CHECK (status IN (
        'queued',     -- -> accepted, cancelled, rejected, blocked
        'accepted',   -- -> submitted, in_doubt, settled, credited, rejected, blocked
        'submitted',  -- -> in_doubt, settled, credited, rejected, blocked
        'in_doubt',   -- -> settled, credited, rejected, blocked
        'settled',    -- -> credited
        'credited', 'rejected', 'cancelled', 'blocked')),
    code text NOT NULL,           -- ISO reason, '' unless rejected
    detail text NOT NULL,         -- JSON of the refusal or of the rail's reason
    uetr uuid NOT NULL,
    instruction_id text NOT NULL,
    debtor_agent text NOT NULL,
    creditor_agent text NOT NULL,
    lane text NOT NULL,           -- '' where refused before a lane was taken
    debit_minor bigint NOT NULL,
    debit_currency text NOT NULL,
    settlement_minor bigint NOT NULL,
    settlement_currency text NOT NULL,
    rulebook_id text NOT NULL,
    quote_id text NOT NULL,
    incarnation bigint NOT NULL,
    rail text NOT NULL,           -- of its leg; '' where refused before there was one
    leg_status text NOT NULL CHECK (leg_status IN ('', 'held', 'sent', 'settled', 'credited', 'rejected')),
    deadline_at timestamptz,      -- of its leg
    awaits_rail boolean NOT NULL, -- its rail's last word is still out; no index on it, that would end HOT updates
    net_claims boolean NOT NULL,  -- claims of the law stay pending until it settles, beside the transfers
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),  -- its place
    position integer NOT NULL,
    moves xid8[] NOT NULL DEFAULT ARRAY[pg_current_xact_id()],  -- the transactions that wrote its events
    settled_at timestamptz,
    PRIMARY KEY (payment_id, received_on),
    CHECK ((status = 'rejected') = (code <> '')),
    CHECK ((status IN ('settled', 'credited')) = (settled_at IS NOT NULL)),
    CHECK ((rail = '') = (deadline_at IS NULL) AND (rail = '') = (leg_status = '')),
    CONSTRAINT payment_awaits_rail_check CHECK (CASE  -- what an operator has ended may await it or not
        WHEN status IN ('queued', 'accepted', 'submitted', 'in_doubt') THEN awaits_rail
        WHEN status = 'credited' THEN NOT awaits_rail
        ELSE true
    END)
) PARTITION BY RANGE (received_on);
CREATE INDEX payment_by_participant ON payment (participant, received_at);

CREATE VIEW leg AS                -- what a rail carries of a payment: one leg, kept in the payment's own row, which moves with it
SELECT payment_id, received_on, 1::smallint AS n, rail, 'credit' AS direction, leg_status AS status, deadline_at, xid, position
FROM payment WHERE rail <> '';

CREATE TABLE standing (           -- class, lane and route of many decisions, written once
    standing_id text PRIMARY KEY, -- digest of the text
    standing text NOT NULL        -- JSON
);

CREATE TABLE decision (           -- what stays as it was asked and decided, apart from what moves: a status change rewrites its row
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    standing_id text,             -- what it has in common with others; this and the next two are an accepted payment's
    own text,                     -- JSON: price, charge
    claims text,                  -- JSON: the law's claims admitted, each an array of its fields (limits.claims.Claim)
    sealed bytea STORAGE EXTERNAL NOT NULL,  -- the one place of names and ids: encrypted (which does not compress), for its participant alone
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position integer NOT NULL,
    PRIMARY KEY (xid, position, received_on),
    CHECK ((standing_id IS NULL) = (own IS NULL) AND (own IS NULL) = (claims IS NULL))
) PARTITION BY RANGE (received_on);

CREATE TABLE transfer (           -- state follows the payment's status, unless posted by itself (suspense, funding)
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    n smallint NOT NULL,
    debit_account text NOT NULL,
    credit_account text NOT NULL CHECK (credit_account <> debit_account OR line = 'principal'),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    line text NOT NULL,
    alone boolean NOT NULL,       -- posted by itself, whatever becomes of the payment
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position integer NOT NULL,
    PRIMARY KEY (xid, position, n, received_on)
) PARTITION BY RANGE (received_on);

CREATE TABLE event (              -- history and outbox in one: read in (xid, position) order up to the oldest open transaction
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    n smallint NOT NULL,
    status text NOT NULL,
    code text NOT NULL,
    at timestamptz NOT NULL,
    detail text NOT NULL,
    participant text NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position integer NOT NULL,
    PRIMARY KEY (xid, position, received_on)
) PARTITION BY RANGE (received_on);

CREATE TABLE exception_record (   -- beside the payment; its final status never changes
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    detail text NOT NULL,
    claims text NOT NULL,         -- JSON: the claims it forces
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),  -- the place of its transfers, position 0
    PRIMARY KEY (payment_id, kind)
);

CREATE TABLE adjustment (         -- a share of a posted payment's claims that went back; a return is a record of its own
    payment_id uuid NOT NULL,
    n smallint NOT NULL CHECK (n > 0),
    step text NOT NULL,           -- its name: each counts once
    given bigint NOT NULL CHECK (given >= 0),
    given_of bigint NOT NULL CHECK (given_of >= given AND given_of > 0),  -- given / given_of of the claims, with this step, had gone back
    at timestamptz NOT NULL,      -- business time
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (payment_id, n),
    UNIQUE (payment_id, step)
);

CREATE FUNCTION ensure_day(day date) RETURNS void LANGUAGE plpgsql AS $$
-- Makes the day's partitions; a transaction of its own, one at a time, never a payment's.
DECLARE
    parent text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(current_schema()));
    FOREACH parent IN ARRAY ARRAY['payment', 'decision', 'transfer', 'event', 'market_order', 'order_event'] LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
            parent || to_char(day, '_YYYYMMDD'), parent, day, day + 1);
    END LOOP;
    -- Half of each page is left free: a batch's rows stand together and move together, and a row that finds room on its
    -- page needs no new index entries (HOT update).
    EXECUTE format('ALTER TABLE %I SET (fillfactor = 45)', 'payment' || to_char(day, '_YYYYMMDD'));
END $$;
