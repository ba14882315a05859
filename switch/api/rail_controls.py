"""What is wrong with the rails, and what is to become of one payment through its rail: for operators; thin over Sandbox."""

from starlette.requests import Request
from starlette.responses import Response

from rails.port import RailUnavailable
from switch.api import examples, models, rail_models
from switch.api.access import Gate
from switch.api.documents import payment_document
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, payment_id_of, read_body
from switch.dictation import NotAllowed
from switch.sandbox import Sandbox

STATE_SECONDS_MAX = 5.0  # of the machine, for the rail's report to be carried out


class RailControls:
    """Handlers of /v1/sandbox/rails and of the state of a payment."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def faults(self, request: Request) -> Response:
        """Say what is wrong with a rail now."""
        await self._gate.enter(request)
        return self._answer(self._named(request))

    async def set_faults(self, request: Request) -> Response:
        """Switch faults of a rail on or off, in every worker."""
        await self._gate.enter_operator(request)
        name = self._named(request)
        if not self._sandbox.world.rails[name].takes_faults:
            raise refused(
                "rail-elsewhere", f"{name} is a rail of its own in another process; faults of it cannot be set here."
            )
        wanted = parse(rail_models.FaultSetting, await read_body(request, SINGLE_BYTES_MAX))
        for n, rule in enumerate(wanted.rules):
            if rule.match.participant:
                self._check_joined(name, rule.match.participant, f"rules.{n}.match.participant")
        await self._sandbox.set_faults(name, wanted.kept(self._sandbox.world.clock.now()))
        return self._answer(name)

    async def set_state(self, request: Request) -> Response:
        """Have a payment become what is asked, through its rail, and answer with it as it then stands."""
        await self._gate.enter_operator(request)
        payment_id = payment_id_of(request)
        wanted = parse(rail_models.PaymentStateSetting, await read_body(request, SINGLE_BYTES_MAX))
        try:
            await self._sandbox.set_state(payment_id, wanted.status, wanted.reason_code or "", STATE_SECONDS_MAX)
        except RailUnavailable as error:
            raise refused("unavailable", f"The rail's book cannot be reached: {error}.") from None
        except NotAllowed as error:
            allowed = (
                f"It can be set to: {', '.join(error.allowed)}."
                if error.allowed
                else "No other state can be set; pay anew."
            )
            raise refused("state", f"{error} {allowed}", allowed=list(error.allowed)) from None
        return json_answer(payment_document(await self._sandbox.payment(payment_id, None)))

    def _check_joined(self, rail: str, bic: str, field: str) -> None:
        """Refuse a rule that could never hit anybody."""
        registry = self._sandbox.world.registry
        found = registry.find(bic)
        if found is None:
            raise wrong_field(field, "is no participant of this sandbox")
        if rail not in found.rails:
            joined = sorted(each.bic for each in registry.participants.values() if rail in each.rails)
            raise wrong_field(field, f": {found.bic} is not on {rail}; there are {', '.join(joined)}")

    def _named(self, request: Request) -> str:
        name: str = request.path_params["rail"]
        rails = self._sandbox.world.rails
        if name not in rails:
            raise refused("not-found", f"There is no such rail; there are {', '.join(sorted(rails))}.")
        return name

    def _answer(self, name: str) -> Response:
        return json_answer(rail_models.fault_document(name, self._sandbox.world.rails[name].faults))

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        rail = parameter("rail", "path", "The rail's name", True)
        payment_id = parameter("payment_id", "path", "The payment's id", True, format="uuid")
        return [
            Operation(
                "GET", "/v1/sandbox/rails/{rail}/faults", self.faults, "Read a rail's faults", "Those in force now.", "sandbox",
                {200: Says("The faults", rail_models.FaultDocument)}, (404,), None, (rail,),
            ),
            Operation(
                "POST", "/v1/sandbox/rails/{rail}/faults", self.set_faults, "Set a rail's faults",
                "Instructions meet the faults in force when they are sent; every worker has them within seconds. For operators.",
                "sandbox", {200: Says("The faults", rail_models.FaultDocument)},
                ("malformed", 404, "rail-elsewhere", 413, 415, "unavailable"), rail_models.FaultSetting, (rail,), example=examples.FAULTS,
            ),
            Operation(
                "POST", "/v1/sandbox/payments/{payment_id}/state", self.set_state, "Set a payment to a state",
                "Its rail is told what has become of the payment; reports, inquiries and events follow from that, and nothing else is "
                "changed. For operators.", "sandbox",
                {200: Says("The payment as it then stands", models.PaymentDocument)}, ("malformed", 404, "state", 413, 415, "unavailable"),
                rail_models.PaymentStateSetting, (payment_id,), example=examples.PAYMENT_STATE,
            ),
        ]  # fmt: skip
