-- Documents known to be one person's, under keyed pseudonyms: no name and no number stands here. A document that was never
-- linked has no row, and is a person of its own.

CREATE TABLE person_documents (
    document text PRIMARY KEY,        -- pseudonym of (type, number, country)
    person_id text NOT NULL           -- pseudonym of one of the person's documents
);

-- A counter whose sums were moved when its person was linked to another. Claims keep the key they were made under; what
-- becomes of them goes where the sums went.
CREATE TABLE counter_alias (
    counter text COLLATE "C" PRIMARY KEY,
    becomes text COLLATE "C" NOT NULL CHECK (becomes <> counter),  -- where the sums are now: at the end of a chain of links
    moved_to text COLLATE "C" NOT NULL,                            -- where they went then
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()                 -- the link
);
