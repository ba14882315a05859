-- What was registered in the directory at run time: accounts and proxies, one row each, its names and numbers sealed as a
-- payment's message is. What a sandbox is built with (packaged and drawn entries) has no rows.

CREATE TABLE directory_record (
    key text COLLATE "C" PRIMARY KEY,  -- keyed pseudonym of what it is: no name and no number
    sealed bytea NOT NULL,
    revision bigint NOT NULL           -- the fence's generation that wrote it: a worker asks for what is later than it knows
);
CREATE INDEX ON directory_record (revision, key);
