-- Named queries of the yardsticks. {braces} are names of schemas, tables and columns, put in by switch.bench.yardsticks.

-- name: make_sample
-- Copies, table by table, the rows of payments that finished in the sandbox {source}, numbered by `place`: what a switch without
-- any check would have to write of them. Rows of counters are left out: they are sums, and belong to no payment. Columns that
-- the inserting transaction fills by itself (its own number) are left to it; a position is made unique whatever the batch.
DO $make$
DECLARE
    source text;
    plain text;
    placed text;
BEGIN
    DROP SCHEMA IF EXISTS bench_sample CASCADE;
    CREATE SCHEMA bench_sample;
    CREATE TABLE bench_sample.place AS
        SELECT payment_id, uetr, row_number() OVER (ORDER BY xid, position) - 1 AS place
        FROM {source}.payment WHERE status IN ('settled', 'credited') ORDER BY xid, position LIMIT {most};
    ANALYZE bench_sample.place;
    FOR source IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'payment_id'
        WHERE c.relnamespace = '{source}'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        SELECT string_agg(CASE
                WHEN a.attname = 'position' THEN '(p.place * 8 + ' || CASE WHEN n.attname IS NULL THEN '0' ELSE 's.n' END || ')::integer AS position'
                ELSE 's.' || quote_ident(a.attname)
            END, ', ' ORDER BY a.attnum)
        INTO plain
        FROM pg_attribute a
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN pg_attribute n ON n.attrelid = a.attrelid AND n.attname = 'n'
        WHERE a.attrelid = format('{source}.%I', source)::regclass AND a.attnum > 0 AND NOT a.attisdropped
            AND coalesce(pg_get_expr(d.adbin, d.adrelid), '') NOT LIKE '%pg_current_xact_id%';
        placed := format('bench_sample.%I', source);
        EXECUTE format('CREATE TABLE %s AS SELECT p.place, %s FROM {source}.%I s JOIN bench_sample.place p USING (payment_id) ORDER BY 1',
            placed, plain, source);
    END LOOP;
    CREATE TABLE bench_sample.book AS SELECT p.place, b.* FROM ({books}) b JOIN bench_sample.place p USING (uetr) ORDER BY 1;
    FOR source IN SELECT relname FROM pg_class WHERE relnamespace = 'bench_sample'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('CREATE INDEX ON bench_sample.%I (place)', source);
        EXECUTE format('ANALYZE bench_sample.%I', source);
    END LOOP;
END $make$

-- name: books
SELECT * FROM {schema}.book

-- name: sampled
-- The tables with rows in them, their columns, and how many rows a payment has.
SELECT c.relname AS name, c.reltuples / (SELECT reltuples FROM pg_class WHERE oid = 'bench_sample.place'::regclass) AS rows_per_payment,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attname <> 'place') AS columns
FROM pg_class c
WHERE c.relnamespace = 'bench_sample'::regnamespace AND c.relkind = 'r' AND c.relname <> 'place' AND c.reltuples > 0
ORDER BY c.relname

-- name: payments
SELECT count(*) FROM bench_sample.place

-- name: days
SELECT DISTINCT received_on FROM bench_sample.payment

-- name: ensure_day
SELECT ensure_day($1)

-- name: rows
SELECT {columns} FROM bench_sample.{table} WHERE place >= $1 AND place < $2 ORDER BY {order}

-- name: truncate
TRUNCATE {tables}

-- name: one_insert
INSERT INTO {into} ({columns}) SELECT {columns} FROM bench_sample.{table} WHERE place = :n;

-- name: activity
SELECT pid, application_name FROM pg_stat_activity

-- name: size
SELECT pg_database_size(current_database())
