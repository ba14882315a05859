-- What happens beside a payment, whose own events end with its final status: exceptions, recalls, returns, decisions,
-- inquiries. Rare, so in tables of their own: an ordinary payment writes and reads nothing here.

CREATE TABLE record_event (       -- read with the events of payments, in one (xid, position) order
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    record text NOT NULL CHECK (record IN ('exception', 'recall', 'return', 'abort')),
    status text NOT NULL,         -- the payment's as it stood: no such event changes it
    code text NOT NULL,           -- ISO reason, '' where there is none
    at timestamptz NOT NULL,      -- business time
    detail text NOT NULL,         -- JSON: kind, record_id, state, text and what else the record says
    participant text NOT NULL,    -- who is told: the payment's own; of an abort the creditor agent
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position integer NOT NULL CHECK (position >= 1000000),  -- after all of a batch's payments
    PRIMARY KEY (xid, position)
);
CREATE INDEX record_event_of ON record_event (payment_id);

CREATE TABLE inquiry (            -- what was asked of a rail about a payment in doubt (pacs.028), and what it answered
    payment_id uuid NOT NULL,
    received_on date NOT NULL,
    leg smallint NOT NULL,
    n smallint NOT NULL CHECK (n > 0),      -- the n-th inquiry; the last row there may be stands for all later ones
    rail text NOT NULL,
    asked_at timestamptz NOT NULL,          -- business time
    answer text NOT NULL CHECK (answer IN ('pending', 'settled', 'credited', 'rejected', 'blocked', 'unknown', 'none')),
    code text NOT NULL,
    times integer NOT NULL CHECK (times > 0),  -- how many inquiries the row stands for
    PRIMARY KEY (payment_id, leg, n)
);

CREATE TABLE proposal (           -- four eyes: what one operator proposes, another confirms
    payment_id uuid NOT NULL,
    subject text NOT NULL,        -- 'payment', or the kind of the exception record it is about
    n smallint NOT NULL CHECK (n > 0),
    action text NOT NULL,         -- reject, settle; honoured, recalled, written-off
    reason text NOT NULL,
    proposed_by text NOT NULL CHECK (proposed_by <> ''),
    proposed_at timestamptz NOT NULL,       -- business times
    lapses_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN (
        'open',       -- -> confirmed, lapsed
        'confirmed', 'lapsed')),
    decided_by text NOT NULL,     -- '' unless an operator confirmed it
    decided_at timestamptz,
    PRIMARY KEY (payment_id, subject, n),
    CHECK ((outcome = 'open') = (decided_at IS NULL)),
    CHECK ((outcome = 'confirmed') = (decided_by <> '')),
    CHECK (outcome <> 'confirmed' OR decided_by <> proposed_by)
);
CREATE UNIQUE INDEX proposal_open ON proposal (payment_id, subject) WHERE outcome = 'open';
