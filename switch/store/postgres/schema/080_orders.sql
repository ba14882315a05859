-- Orders of the market links and what happened to them, by trading day.

CREATE TABLE market_order (
    order_id       uuid     NOT NULL,
    trading_day    date     NOT NULL,
    quota          text     NOT NULL, -- id of the rule whose counter it is on
    participant    text     NOT NULL,
    instrument     text     NOT NULL,
    side           text     NOT NULL,
    quantity       bigint   NOT NULL CHECK (quantity > 0),
    price          numeric  NOT NULL CHECK (price > 0),
    currency       text     NOT NULL,
    rate           numeric  NOT NULL CHECK (rate > 0), -- CNY for one of the currency
    open_quantity  bigint   NOT NULL CHECK (open_quantity BETWEEN 0 AND quantity),
    claimed_minor  bigint   NOT NULL CHECK (claimed_minor >= 0),
    state          text     NOT NULL,
    PRIMARY KEY (order_id, trading_day)
) PARTITION BY RANGE (trading_day);

CREATE TABLE order_event (
    event_id      uuid        NOT NULL, -- of a placing that of its order
    trading_day   date        NOT NULL,
    order_id      uuid        NOT NULL,
    kind          text        NOT NULL,
    at            timestamptz NOT NULL,
    quantity      bigint      NOT NULL,
    price         numeric     NOT NULL,
    reason        text        NOT NULL, -- why it was refused, '' = it happened
    open_quantity bigint      NOT NULL, -- of the order, after it
    ceiling       bigint, -- of the claim with which a buy was admitted
    latches       text        NOT NULL, -- for how long that claim may close its counter
    content_hash  bytea       NOT NULL,
    position      integer     NOT NULL, -- in its transaction, with the version of the counter its place in that counter's history
    xid           xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (event_id, trading_day)
) PARTITION BY RANGE (trading_day);

CREATE TYPE written_order AS (
    order_id uuid, trading_day date, quota text, participant text, instrument text, side text, quantity bigint, price numeric,
    currency text, rate numeric, open_quantity bigint, claimed_minor bigint, state text
);

CREATE TYPE written_order_event AS (
    event_id uuid, trading_day date, order_id uuid, kind text, at timestamptz, quantity bigint, price numeric, reason text,
    open_quantity bigint, ceiling bigint, latches text, content_hash bytea, "position" integer
);
