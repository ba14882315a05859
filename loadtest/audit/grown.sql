-- Multiplies what a small sandbox holds. What is told again is read once into temporary tables (seed_…), so that no clone
-- reads another. The rows of a clone are written as loadtest.audit.grown says, column by column; here stand the exceptions.

-- name: refuse
-- Why a sandbox cannot be the seed: only ordinary payments that have come to their end can be told again.
SELECT why FROM (
    SELECT 'its payments are not of one day' AS why WHERE (SELECT count(DISTINCT received_on) FROM payment) <> 1
    UNION ALL
    SELECT format('payment %s is %s', payment_id, status) FROM payment
    WHERE status NOT IN ('settled', 'credited', 'rejected') OR awaits_rail OR quote_id <> ''
    UNION ALL
    SELECT format('payment %s has an exception, a return, a recall, an inquiry, or usage given back', payment_id) FROM (
        SELECT payment_id FROM exception_record UNION ALL SELECT payment_id FROM adjustment UNION ALL SELECT payment_id FROM recall
        UNION ALL SELECT payment_id FROM payment_return UNION ALL SELECT payment_id FROM record_event UNION ALL SELECT payment_id FROM inquiry
    ) rare
    UNION ALL
    SELECT format('counter %s was linked to another', counter) FROM counter_alias
    UNION ALL
    SELECT format('counter %s is of no one person', key) FROM counter WHERE strpos(key, '|') > 0 AND key !~ '\|[0-9a-f]{24}[@|]'
) reason LIMIT 1

-- name: rank
-- Each transaction of the seed by its order: a clone's have the same order.
CREATE TEMP TABLE seed_rank AS
SELECT xid, (row_number() OVER (ORDER BY xid) - 1)::bigint AS rank
FROM (SELECT xid FROM batch WHERE step <> 'alone' UNION SELECT xid FROM payment UNION SELECT xid FROM event) all_of_it

-- name: line
-- Each version of each counter; of a shared one (an account) with how many versions a clone adds.
CREATE TEMP TABLE seed_line AS
SELECT r.rank, b.step, v.n, v.key, v.version, CASE WHEN strpos(v.key, '|') = 0 THEN k.version ELSE 0 END AS grows
FROM batch b JOIN seed_rank r USING (xid) CROSS JOIN unnest(b.counters, b.versions) WITH ORDINALITY AS v (key, version, n)
JOIN counter k USING (key)
WHERE b.step <> 'alone'

-- name: account
-- What the seed's payments moved on each account, without its funding.
CREATE TEMP TABLE seed_account AS
SELECT k.key, k.up_posted - coalesce(f.up, 0) AS up, k.down_posted - coalesce(f.down, 0) AS down, k.version
FROM counter k LEFT JOIN (
    SELECT key, sum(up)::bigint AS up, sum(down)::bigint AS down FROM (
        SELECT debit_account AS key, amount_minor AS up, 0 AS down FROM transfer WHERE alone
        UNION ALL SELECT credit_account, 0, amount_minor FROM transfer WHERE alone
    ) side GROUP BY key
) f USING (key)
WHERE strpos(k.key, '|') = 0 AND k.version > 0

-- name: too_many
-- The first prefunded account that $1 clones would draw below zero, and how many it bears.
SELECT a.key, (k.down_posted - k.up_posted) / (a.up - a.down) AS clones
FROM seed_account a JOIN counter k USING (key)
WHERE a.key ~ '^(position|inventory):' AND a.up > a.down AND (k.down_posted - k.up_posted) / (a.up - a.down) < $1 + 1
ORDER BY 2 LIMIT 1

-- name: columns
-- Of a table in the schema that stands first on the search path.
SELECT attname AS name, format_type(atttypid, NULL) AS type
FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum

-- name: days_tables
-- What is partitioned by day: payments and what belongs to them; orders are not told again.
SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'received_on'
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'p' ORDER BY relname

-- name: rails_tables
-- What a rail keeps about each leg.
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND (
    SELECT count(*) FROM pg_attribute WHERE attrelid = pg_class.oid AND attname IN ('uetr', 'leg')) = 2
ORDER BY relname

-- name: burn
-- Takes transaction numbers one after the other: a clone's places lie in the past, as those of payments do.
CREATE PROCEDURE pg_temp.burn(numbers bigint, INOUT first bigint) LANGUAGE plpgsql AS $$
DECLARE
    got bigint;
BEGIN
    first := 0;
    FOR i IN 1 .. numbers LOOP
        got := pg_current_xact_id()::text::bigint;
        IF first = 0 THEN first := got; END IF;
        IF got <> first + i - 1 THEN first := 0; RETURN; END IF; -- another took one between: the caller asks again
        COMMIT;
    END LOOP;
END $$

-- name: clone_of
-- Another id from an id: each clone's own, spread as evenly as they are.
CREATE FUNCTION pg_temp.clone_of(id uuid, clone integer) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN overlay(overlay(md5(id::text || clone::text) PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid

-- name: key_of
-- Another person from a person: the pseudonym ends in the clone's number, in letters that no pseudonym has; a day's window is the clone's day.
CREATE FUNCTION pg_temp.key_of(keys text, clone integer, day date, days integer) RETURNS text LANGUAGE sql IMMUTABLE
RETURN replace(regexp_replace(keys, '\|([0-9a-f]{20})[0-9a-f]{4}', '|\1' || translate(lpad(to_hex(clone), 4, '0'), '0123456789abcdef', 'ghijklmnopqrstuv'), 'g'), '|' || day::text,
    '|' || (day - days)::text)

-- name: clone_batch
-- Of clone $1, from transaction number $2, $3 days before the seed's day $4.
INSERT INTO batch (xid, step, counters, versions)
SELECT ($2 + rank)::text::xid8, step, string_to_array(pg_temp.key_of(string_agg(key, ',' ORDER BY n), $1, $4, $3), ','),
    array_agg(version + $1::integer * grows ORDER BY n)
FROM seed_line GROUP BY rank, step

-- name: clone_accounts
UPDATE counter k SET up_posted = k.up_posted + a.up, down_posted = k.down_posted + a.down, version = k.version + a.version
FROM seed_account a WHERE k.key = a.key

-- name: payments
SELECT count(*) FROM payment

-- name: day
SELECT min(received_on) FROM seed_payment

-- name: transactions
SELECT count(*) FROM seed_rank

-- name: ordinary_tables
SELECT tablename FROM pg_tables WHERE schemaname = $1

-- name: seed_of_days
-- What belongs to payments, by the rank of its transaction; that of what was posted by itself (funding) has none.
CREATE TEMP TABLE seed_{table} AS SELECT t.*, r.rank FROM {table} t JOIN seed_rank r USING (xid)

-- name: seed_payment
CREATE TEMP TABLE seed_payment AS
SELECT t.*, r.rank, ARRAY(SELECT m.rank FROM unnest(t.moves) WITH ORDINALITY x (xid, n) JOIN seed_rank m USING (xid) ORDER BY x.n) AS ranks
FROM payment t JOIN seed_rank r USING (xid)

-- name: seed_identity
CREATE TEMP TABLE seed_identity AS SELECT i.* FROM identity i JOIN payment p USING (payment_id, received_on)

-- name: seed_counter
CREATE TEMP TABLE seed_counter AS SELECT * FROM counter WHERE strpos(key, '|') > 0

-- name: seed_of_rail
CREATE TEMP TABLE "{seed}" AS SELECT * FROM {table}

-- name: holds
SELECT EXISTS (SELECT FROM "{seed}")

-- name: told_again
-- PostgreSQL must know the type of each argument, also where a table has no column that needs it.
INSERT INTO {table} ({columns}) SELECT {values} FROM "{seed}"
WHERE $1::integer IS NOT NULL AND $2::bigint IS NOT NULL AND $3::integer IS NOT NULL AND $4::date IS NOT NULL ORDER BY {order}
