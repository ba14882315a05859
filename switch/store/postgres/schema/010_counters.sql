-- Counters (design 3): four sums of minor units a row, pending and posted, up and down. For liquidity and inventory the
-- row is the ledger account itself (up = debit). A row is made by its first claim and never taken away within its window.
CREATE TABLE counter (
    key          text COLLATE "C" PRIMARY KEY CHECK (key <> ''), -- one order for Python and SQL: locks are taken along it
    up_pending   bigint  NOT NULL DEFAULT 0 CHECK (up_pending >= 0),
    up_posted    bigint  NOT NULL DEFAULT 0 CHECK (up_posted >= 0),
    down_pending bigint  NOT NULL DEFAULT 0 CHECK (down_pending >= 0),
    down_posted  bigint  NOT NULL DEFAULT 0 CHECK (down_posted >= 0),
    version      bigint  NOT NULL DEFAULT 0 CHECK (version >= 0), -- grows by one at each write: an auditor replays along it
    latched      text NOT NULL DEFAULT '', -- for how long it is closed for ups: '' it is open, 'window', or the session so named
    latched_at   timestamptz, -- since when (business time)
    latching     text NOT NULL DEFAULT '', -- for how long the last claims would have closed it
    ceiling      bigint, -- strictest bounds of the last claims that had one: for the eye; a claim brings its own
    floor        bigint,
    CHECK ((latched = '') = (latched_at IS NULL) AND (latched = '' OR ceiling IS NOT NULL))
) WITH (fillfactor = 50); -- room on the page for the next version of a hot row (HOT update)

CREATE TABLE batch (              -- which versions of which counters a transaction made: with event.position, each counter's history
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    step text NOT NULL,
    counters text[] STORAGE EXTERNAL NOT NULL, -- compressing them costs more than writing them
    versions bigint[] STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (xid, step)
);
