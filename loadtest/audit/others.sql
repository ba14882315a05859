-- What the auditor asks besides: whom there is to audit, what the rails' books hold, what was forced.

-- name: rail_schemas
SELECT nspname AS schema, replace(substr(nspname, length($1) + 7), '_', '-') AS rail
FROM pg_namespace
WHERE starts_with(nspname, $1 || '_rail_') AND to_regclass(format('%I.book', nspname)) IS NOT NULL
ORDER BY nspname

-- name: copy_book
-- Of the rail $1, whose schema stands first on the search path. What an operator has dictated stands in an entry's place.
INSERT INTO rail_book
SELECT $1, uetr, leg, outcome, amount_minor, currency, received_at, coalesce(settled_at, final_at), true FROM dictated
UNION ALL
SELECT $1, uetr, leg, outcome, amount_minor, currency, received_at, coalesce(settled_at, final_at), false
FROM book
WHERE NOT EXISTS (SELECT FROM dictated WHERE dictated.uetr = book.uetr AND dictated.leg = book.leg)

-- name: copy_back
-- As copy_book.
INSERT INTO rail_back
SELECT $1, recall_id, true, uetr, leg, amount_minor, currency, answered_at FROM recall_case WHERE status = 'accepted'
UNION ALL
SELECT $1, u.return_id, false, u.uetr, u.leg, u.amount_minor, u.currency, u.at
FROM unasked_return u JOIN rail_book b USING (uetr, leg) WHERE b.rail = $1 AND b.outcome IN (1, 2)

-- name: sandbox_exists
SELECT to_regclass(format('%I.fence', $1::text)) IS NOT NULL

-- name: clock
SELECT world ->> 'clock_anchor' AS anchor, world ->> 'clock_business' AS business, world ->> 'clock_rate' AS rate,
    (SELECT max(at) FROM event) AS newest_event_at
FROM fence

-- name: forced
SELECT x.payment_id::text, x.kind, c.value ->> 0 AS rule, c.value ->> 1 AS counter, (c.value ->> 2)::bigint AS delta
FROM exception_record x CROSS JOIN json_array_elements(x.claims::json) AS c (value) ORDER BY x.at, x.payment_id

-- name: temporary_bytes
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'

-- name: make
-- An empty table of the session: the query gives the columns their types and is never executed.
CREATE TEMP TABLE {table} ON COMMIT DELETE ROWS AS {query} WITH NO DATA

-- name: fill
INSERT INTO {table} {query}

-- name: count
SELECT count(*) FROM {relation}

-- name: look_in
SELECT set_config('search_path', quote_ident($1), $2)

-- name: accepted (ids)
-- Of payments that were answered as accepted, by payment_id or (by message) UETR: which have no row, and what else the books hold.
WITH told AS (SELECT DISTINCT id FROM unnest($1::uuid[]) AS given (id)),
    taken AS (SELECT payment_id, uetr FROM payment WHERE status <> 'rejected' OR cardinality(moves) > 1),
    named AS (SELECT payment_id AS id FROM taken UNION ALL SELECT uetr FROM taken)
SELECT (SELECT count(*) FROM told) AS told,
    ARRAY(SELECT id FROM told WHERE NOT EXISTS (SELECT FROM named WHERE named.id = told.id) ORDER BY id) AS missing,
    (SELECT count(*) FROM payment) - (SELECT count(*) FROM taken) AS refused,
    (SELECT count(*) FROM taken WHERE NOT EXISTS (SELECT FROM told WHERE told.id = payment_id)
        AND NOT EXISTS (SELECT FROM told WHERE told.id = uetr)) AS others
