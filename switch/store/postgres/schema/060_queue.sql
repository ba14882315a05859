-- Payments that wait for the opening of their lane and rails: rare, so that no column or index of the payment table is for them.
CREATE TABLE queued (
    payment_id uuid PRIMARY KEY,    -- stands here from acceptance until it is released; a cancelled one until it is next looked at
    received_on date NOT NULL,
    opens_at timestamptz NOT NULL   -- business time: looked at then, and put off where lane or rails are closed after all
);
CREATE INDEX queued_by_opening ON queued (opens_at);
