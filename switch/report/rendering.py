"""A report as bytes: JSON, CSV or Parquet. The same cells give the same bytes, whenever they are written.

CSV holds the cells alone; Parquet the cells, and in its metadata what the document says around them (`bayswitch`, JSON).
Amounts are decimal strings in each form: their number of decimals is the currency's.
"""

import csv
import io
import json
from datetime import date
from typing import Any

from switch.report.assembly import COLUMNS, Report, document, rows

JSON, CSV, PARQUET = "json", "csv", "parquet"
MEDIA_TYPES = {JSON: "application/json", CSV: "text/csv", PARQUET: "application/vnd.apache.parquet"}


def rendered(report: Report, form: str) -> bytes:
    """Write a report in one of the forms."""
    return {JSON: _json, CSV: _csv, PARQUET: _parquet}[form](report)


def _json(report: Report) -> bytes:
    return json.dumps(document(report), ensure_ascii=False, indent=2).encode() + b"\n"


def _csv(report: Report) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[report.question.report], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(report))
    return text.getvalue().encode()


def _parquet(report: Report) -> bytes:
    import pyarrow as pa  # loaded by the first who asks for Parquet: its libraries have 150 MB, and no worker pays with them
    import pyarrow.parquet as pq

    types = {"day": pa.date32(), "count": pa.int64()}
    around = json.dumps({**report.head, **report.tail}, ensure_ascii=False)
    fields = [pa.field(name, types.get(name, pa.string()), nullable=False) for name in COLUMNS[report.question.report]]
    schema = pa.schema(fields, metadata={"bayswitch": around})
    found: list[dict[str, Any]] = [row | {"day": date.fromisoformat(row["day"])} for row in rows(report)]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(found, schema=schema), file, compression="zstd")
    return file.getvalue()
