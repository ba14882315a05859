-- Named queries of /metrics: each reads at most so many rows, by an index.

-- name: count_queued
SELECT count(*) FROM (SELECT payment_id, received_on FROM queued LIMIT $1) q
JOIN payment p ON p.payment_id = q.payment_id AND p.received_on = q.received_on
WHERE p.status = 'queued'

-- name: count_unread
-- As `stream` reads: what transactions that may still be open have written does not count yet.
SELECT count(*) FILTER (WHERE $3::text IS NULL OR found.participant = $3)
FROM (
    SELECT listed.participant FROM (
        (SELECT xid, position, participant FROM event
        WHERE (xid, position) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid, position LIMIT $4)
        UNION ALL
        (SELECT xid, position, participant FROM record_event
        WHERE (xid, position) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid, position LIMIT $4)
    ) listed ORDER BY listed.xid, listed.position LIMIT $4
) found
