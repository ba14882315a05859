"""The reports of what settled: receipts and payments, conversions. An operator's of all payments, a participant's of its own."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from switch.api import report_models as models
from switch.api.access import Gate
from switch.api.operations import Handler, Operation, Says, parameter
from switch.api.problems import refused, wrong_query
from switch.api.requests import header
from switch.report.assembly import make_report, period_of
from switch.report.question import CONVERSION, RECEIPTS_AND_PAYMENTS, WrongQuestion, read_question
from switch.report.rendering import JSON, MEDIA_TYPES, rendered
from switch.sandbox import Sandbox


class Reports:
    """Handlers of /v1/reports."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    def _handler(self, report: str) -> Handler:
        async def handle(request: Request) -> Response:
            caller = await self._gate.enter(request)
            asked = request.query_params
            for name in ("from", "to"):
                if name not in asked:
                    raise wrong_query(name, "missing; write a law day (UTC+8), as 2026-03-05")
            count_min = asked.get("min_count", "1")
            if not (count_min.isascii() and count_min.isdecimal() and len(count_min) < 10):
                raise wrong_query("min_count", "a whole number from 1 on")
            form = _form(request)
            try:
                question = read_question(
                    report, asked["from"], asked["to"], asked.get("economy"), caller.participant, int(count_min)
                )
            except WrongQuestion as error:
                raise refused(
                    "malformed",
                    f"{error}.",
                    errors=[{"field": error.field.replace("-", "_"), "what": error.text, "kind": "query"}],
                ) from None
            figures = await self._sandbox.store.figures(period_of(question))
            # Beside the loop: the cells of years would hold up payments.
            content = await asyncio.to_thread(lambda: rendered(make_report(question, figures), form))
            return Response(content, media_type=MEDIA_TYPES[form])

        return handle

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        query = (
            parameter("from", "query", "First law day (UTC+8), by the day of settlement", True, format="date"),
            parameter("to", "query", "Last law day", True, format="date"),
            parameter("economy", "query", "Reporting economy (ISO 3166); all where it is left out"),
            parameter("min_count", "query", "Leave out cells of fewer records", type="integer", minimum=1),
            parameter("Accept", "header", f"One of {', '.join(MEDIA_TYPES.values())}; JSON where it is left out"),
        )
        return [
            Operation(
                "GET", "/v1/reports/receipts-and-payments", self._handler(RECEIPTS_AND_PAYMENTS), "Report receipts and payments",
                "What settled, by economy, item, code, direction, counterpart, currency and day, each cell marked observable or model "
                "only, and the bridge to the balance of payments. An operator who names nobody sees all payments, a participant its own.",
                "reports", {200: Says("The report", models.ReceiptsAndPayments)}, ("malformed", "unavailable"), None, query,
            ),
            Operation(
                "GET", "/v1/reports/conversion", self._handler(CONVERSION), "Report conversions",
                "Sales and purchases of foreign currency against RMB, by market; offshore ones are model only. An operator who names "
                "nobody sees all payments, a participant its own.",
                "reports", {200: Says("The report", models.Conversions)}, ("malformed", "unavailable"), None, query,
            ),
        ]  # fmt: skip


def _form(request: Request) -> str:
    """Return the form that Accept asks for first among those there are; JSON where it takes anything, or says nothing."""
    accepted = [part.partition(";")[0].strip().lower() for part in header(request, b"accept").split(",")]
    for asked in accepted:
        for form, media_type in MEDIA_TYPES.items():
            if asked == media_type:
                return form
    if any(asked in ("", "*/*", "application/*") for asked in accepted):
        return JSON
    raise refused("malformed", f"Accept names none of {', '.join(MEDIA_TYPES.values())}.")
