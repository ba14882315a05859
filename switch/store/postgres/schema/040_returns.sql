-- Recalls and returns: records beside payments. An ordinary payment writes and reads nothing here.

CREATE TABLE recall (             -- a settled payment is asked back (camt.056)
    recall_id uuid PRIMARY KEY,   -- made from who asks and their idempotency key
    payment_id uuid NOT NULL,
    received_on date NOT NULL,    -- the payment's
    participant text NOT NULL,
    rail text NOT NULL,
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    reason_code text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    reversal boolean NOT NULL,
    content_hash bytea NOT NULL,
    sealed bytea NOT NULL,        -- what the asking agent adds
    state text NOT NULL CHECK (state IN (
        'requested', -- -> pending, accepted, rejected, returned
        'pending',   -- -> accepted, rejected, returned
        'accepted',  -- -> returned
        'rejected', 'returned')),
    code text NOT NULL,           -- why it was rejected
    requested_at timestamptz NOT NULL,  -- business times
    answered_at timestamptz,
    ask_at timestamptz,           -- when its rail is asked next
    tries integer NOT NULL CHECK (tries >= 0),
    CHECK ((state IN ('requested', 'pending')) = (ask_at IS NOT NULL)),
    CHECK ((state IN ('requested', 'pending')) = (answered_at IS NULL)),
    CHECK ((state = 'rejected') = (code <> ''))
);
CREATE INDEX recall_of_payment ON recall (payment_id);
CREATE INDEX recall_to_ask ON recall (ask_at) WHERE ask_at IS NOT NULL;
CREATE UNIQUE INDEX recall_under_way ON recall (payment_id) WHERE state IN ('requested', 'pending', 'accepted');

CREATE TABLE payment_return (     -- what a creditor agent gave back of a settled leg (pacs.004)
    return_id uuid PRIMARY KEY,
    payment_id uuid,              -- null: of no payment of ours
    received_on date,
    participant text NOT NULL,
    n smallint NOT NULL CHECK (n > 0),
    recall_id text NOT NULL,      -- '' where nobody asked
    rail text NOT NULL,
    uetr uuid NOT NULL,
    leg smallint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    charge_minor bigint NOT NULL CHECK (charge_minor >= 0),
    reason_code text NOT NULL,
    at timestamptz NOT NULL,      -- business times
    booked_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN (
        'suspended', -- -> released, sent_back
        'returned', 'squared', 'unmatched', 'released', 'sent_back')),
    why text NOT NULL,            -- it is held
    original_minor bigint NOT NULL,  -- the payment's settlement amount
    before_minor bigint NOT NULL CHECK (before_minor >= 0),  -- of it, counted by the returns before this one
    counted_minor bigint NOT NULL CHECK (counted_minor >= 0),
    moved boolean NOT NULL,       -- whether money moved for it
    credited_minor bigint NOT NULL,
    credited_currency text NOT NULL,
    sold_minor bigint NOT NULL,
    bought_minor bigint NOT NULL,
    market text NOT NULL,
    provider text NOT NULL,
    rate text NOT NULL,
    bears text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('return', 'reversal')),
    share bigint NOT NULL,        -- share / share_of of the payment's claims went back where their rule gives back
    share_of bigint NOT NULL CHECK (share >= 0 AND share <= share_of AND share_of > 0),
    released_at timestamptz,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),  -- the place of its transfers, position 0
    released_xid xid8,            -- and of those of its release
    UNIQUE (payment_id, n),
    CHECK ((state = 'unmatched') = (payment_id IS NULL)),
    CHECK (before_minor + counted_minor <= original_minor OR counted_minor = 0),  -- never beyond the original
    CHECK ((state IN ('released', 'sent_back')) = (released_at IS NOT NULL)),
    CHECK ((state IN ('released', 'sent_back')) = (released_xid IS NOT NULL)),
    CHECK ((state IN ('returned', 'released')) = (credited_minor > 0)),
    CHECK (state <> 'squared' OR counted_minor = amount_minor + charge_minor),  -- so that suspense is squared once
    CHECK (state IN ('returned', 'released') OR share = 0)
);
CREATE INDEX payment_return_state ON payment_return (state, booked_at) WHERE state IN ('suspended', 'unmatched');
CREATE INDEX payment_return_booked ON payment_return (coalesce(released_at, booked_at));

-- What comes back goes from a position to a position, which may be the same one, as with a payment's principal.
ALTER TABLE transfer DROP CONSTRAINT transfer_check;
ALTER TABLE transfer ADD CONSTRAINT transfer_check CHECK (credit_account <> debit_account OR line IN ('principal', 'returned'));
