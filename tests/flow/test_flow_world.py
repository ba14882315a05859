"""One world for all workers of a sandbox: what the fence holds of law and faults, two workers on one PostgreSQL, restarts."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from builders import HARBOUR, NOON, RULEBOOK, a_clock, a_person, northbound

from limits.rules import Rulebook
from loadtest.audit.audit import audit
from rails.faults import NO_FAULTS, Faults
from switch.api.access import Access
from switch.api.app import create_app
from switch.flow import world as worlds
from switch.flow.loops import Loops
from switch.flow.ports import StoreUnavailable
from switch.flow.world import OtherLaw, rulebook_facts
from switch.main import OPEN_SECRETS, CannotOpen, Secrets, open_sandbox, postgres_sandbox
from switch.payment.instruction import Identification
from switch.sandbox import Sandbox

LOWERED = RULEBOOK.scenario({"payment-connect.northbound.day": {"value": "500"}}, "lowered")
OTHERWISE = RULEBOOK.scenario({"payment-connect.northbound.day": {"value": "700"}}, "otherwise")
OUTAGE = Faults(outage=True)

Start = Callable[..., Awaitable[Sandbox]]


@pytest_asyncio.fixture
async def start(postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]) -> AsyncIterator[Start]:
    """`await start(rulebook)` gives another running worker of the one sandbox."""
    name = await fresh_schema()
    started: list[Sandbox] = []

    async def another(
        rulebook: Rulebook = RULEBOOK,
        funding: str | None = None,
        keys: Secrets = OPEN_SECRETS,
        joins: bool = False,
    ) -> Sandbox:
        sandbox = postgres_sandbox(postgres_url, name, keys=keys, clock=a_clock(), instant=True, rulebook=rulebook)
        sandbox.loops = Loops(sandbox.worker, lease_seconds=5.0, renew_seconds=0.1)
        if funding is not None:
            registry = sandbox.world.registry
            sandbox.world.registry = registry._replace(funding=dict.fromkeys(registry.funding, funding))
        await open_sandbox(sandbox, NOON, joins=joins)
        started.append(sandbox)
        return sandbox

    yield another
    for sandbox in started:
        with contextlib.suppress(asyncpg.InterfaceError):  # a test has stopped it
            await sandbox.stop()
    connection = await asyncpg.connect(postgres_url)
    for row in await connection.fetch("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", f"{name}_"):
        await connection.execute(f"DROP SCHEMA {row[0]} CASCADE")
    await connection.close()


async def kill(sandbox: Sandbox) -> None:
    """Stop a worker as kill -9 does: its lease stays as it is."""
    sandbox.store.register = _nothing  # type: ignore[assignment]
    await sandbox.stop()


async def _nothing(*_: Any) -> int:
    return 0


async def rulebook_of(sandbox: Sandbox, key: str) -> str:
    answer = await sandbox.pay(northbound("400.00"), HARBOUR, key)
    return (await sandbox.payment(answer.payment_id, HARBOUR)).rulebook_id


# --- the law ---


async def test_another_overlay_is_refused_while_a_worker_lives_and_both_laws_are_named(start: Start) -> None:
    first = await start()
    with pytest.raises(CannotOpen) as refused:
        await start(LOWERED)
    said = str(refused.value)
    assert f"goes by rulebook {RULEBOOK.id}, not {LOWERED.id}" in said
    assert "start this one with the same overlays" in said and "stop the other" in said
    assert (await first.store.world())["rulebook_id"] == RULEBOOK.id
    assert await rulebook_of(first, "k") == RULEBOOK.id


async def test_other_participants_are_refused_as_another_rulebook_is(start: Start) -> None:
    first = await start()
    with pytest.raises(CannotOpen, match=f"goes by participants {first.world.registry.id}, not "):
        await start(funding="7")


async def test_other_keys_are_refused_even_of_a_worker_that_is_alone(start: Start) -> None:
    await (await start()).stop()
    with pytest.raises(CannotOpen, match="made with other keys"):
        await start(keys=OPEN_SECRETS._replace(pseudonyms=b"another key of thirty-two bytes.."))
    await start()  # and nothing was changed by the attempt


async def test_a_worker_of_the_same_law_joins_and_changes_nothing(start: Start) -> None:
    generation = (await start()).world.generation
    assert (await start()).world.generation == generation


async def test_a_worker_killed_a_moment_ago_still_holds_its_law(start: Start) -> None:
    await kill(await start())
    with pytest.raises(CannotOpen, match=r"was killed counts as stopped after \d+ seconds"):
        await start(LOWERED)
    await start()


async def test_a_restart_alone_goes_by_the_rulebook_it_is_started_with(start: Start) -> None:
    """Payments keep the id of the law that judged them; the generation says to everybody that the law is another."""
    first = await start()
    before, generation = await rulebook_of(first, "before"), first.world.generation
    await first.stop()
    second = await start(LOWERED)
    assert second.world.generation > generation
    assert await rulebook_of(second, "after") == LOWERED.id
    answer = await second.pay(northbound("400.00"), HARBOUR, "beyond")
    assert answer.refusal is not None and answer.refusal.detail["ceiling"] == "HKD 500.00"
    stored = await second.store.payments(None, None, 9)
    assert {payment.rulebook_id for payment in stored} == {before, LOWERED.id}


async def test_who_was_refused_is_in_nobody_s_way(start: Start) -> None:
    first = await start()
    with pytest.raises(CannotOpen):
        await start(LOWERED)
    await first.stop()
    await start(RULEBOOK.scenario({"payment-connect.northbound.day": {"value": "700"}}, "third"))


async def test_of_two_that_come_at_once_with_other_laws_one_opens(start: Start) -> None:
    for _round in range(5):
        came = await asyncio.gather(start(OTHERWISE), start(LOWERED), return_exceptions=True)
        opened = [one for one in came if isinstance(one, Sandbox)]
        assert len(opened) == 1 and [type(one) for one in came if one not in opened] == [CannotOpen]
        await opened[0].stop()


async def test_a_running_worker_that_finds_another_law_judges_nothing_until_it_is_its_own_again(start: Start) -> None:
    sandbox = await start()
    await sandbox.store.advance({"rulebook_id": LOWERED.id})
    paying = asyncio.create_task(sandbox.pay(northbound("400.00"), HARBOUR, "k"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(paying), 0.5)
    assert await sandbox.store.payments(None, None, 9) == [] and await sandbox.store.counters("payment-connect") == {}
    with pytest.raises(OtherLaw, match=LOWERED.id):
        await sandbox.explain(northbound(), HARBOUR)
    with pytest.raises(StoreUnavailable):
        await sandbox.move_clock(None, 1)
    app = create_app(sandbox, Access(sandbox.store, "dev"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://switch") as http:
        ready = await http.get("/readyz")
        assert ready.status_code == 503 and LOWERED.id in ready.json()["status"]
        quotas = await http.get("/v1/quotas", headers={"Authorization": "Bearer dev"})
        assert quotas.status_code == 503 and LOWERED.id in quotas.json()["detail"]
        incarnation = sandbox.worker.incarnation
        await sandbox.store.advance({"rulebook_id": RULEBOOK.id})
        assert (await asyncio.wait_for(paying, 5)).status == "accepted"
        assert sandbox.worker.incarnation == incarnation, "it held nothing it had not been told of"
        assert (await http.get("/readyz")).status_code == 200


async def test_a_rulebook_taken_through_one_worker_is_all_workers_and_stops_none(start: Start) -> None:
    first, second = await start(), await start()
    await first.take_rulebook(LOWERED.id, LOWERED.overlays)
    assert first.world.rulebook == LOWERED
    answer = await second.pay(northbound("600.00"), HARBOUR, "through the other")
    assert answer.refusal is not None and answer.refusal.detail["ceiling"] == "HKD 500.00"
    assert second.world.rulebook == LOWERED and first.worker.incarnation != second.worker.incarnation
    with pytest.raises(CannotOpen, match=LOWERED.id):
        await start(OTHERWISE)  # who asks for one law is not given another
    third = await start()
    answer = await third.pay(northbound("600.00"), HARBOUR, "through who came later")
    assert third.world.rulebook == LOWERED and answer.refusal is not None
    for worker in (first, second, third):
        await worker.stop()
    assert (await start()).world.rulebook == RULEBOOK, "alone, a worker brings its own"


async def test_a_successor_goes_by_the_law_that_was_taken_whoever_else_is_left(start: Start) -> None:
    """The processes of one `up --workers` may all have died at once; the overlay they began with is no longer asked for."""
    first = await start(OTHERWISE)
    await first.take_rulebook(LOWERED.id, LOWERED.overlays)
    await first.stop()
    assert (await start(OTHERWISE, joins=True)).world.rulebook == LOWERED


async def test_a_rulebook_that_cannot_be_made_here_is_refused_to_who_starts(start: Start) -> None:
    """Planted: the id of another packaged law."""
    first = await start()
    await first.store.advance({"rulebook_id": "0123456789abcdef"})
    with pytest.raises(CannotOpen, match="0123456789abcdef"):
        await start()


async def test_a_rulebook_is_made_once_and_beside_the_loop(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    first, made, loop_thread = await start(), [], threading.get_ident()

    def making(facts: Any, make: Callable[[Any], Any] = worlds._made) -> Any:
        made.append(threading.get_ident() == loop_thread)
        return make(facts)

    monkeypatch.setattr(worlds, "_made", making)
    await first.store.advance(rulebook_facts(LOWERED.id, LOWERED.overlays))
    await asyncio.gather(*(first.worker.refresh() for _ in range(3)))
    assert first.world.rulebook == LOWERED and made == [False]


# --- faults ---


async def met(sandbox: Sandbox, rail: str, faults: Faults) -> None:
    """Wait until a worker has taken up a rail's faults: it looks every tenth of a second."""
    async with asyncio.timeout(5):
        while sandbox.world.rails[rail].faults != faults:
            await asyncio.sleep(0.01)


async def test_faults_set_through_one_worker_hold_for_all_and_after_a_restart(start: Start) -> None:
    first, second = await start(), await start()
    await first.set_faults("ibps", OUTAGE)
    await first.set_faults("hk-fps", Faults(lost_reports=5_000))
    assert first.world.rails["ibps"].faults == OUTAGE
    await met(second, "ibps", OUTAGE)
    await met(second, "hk-fps", Faults(lost_reports=5_000))
    await first.stop()
    await second.stop()
    third = await start()
    assert third.world.rails["ibps"].faults == OUTAGE and third.world.rails["hk-chats"].faults == NO_FAULTS
    answer = await third.pay(northbound(), HARBOUR, "k")
    await third.set_faults("ibps", NO_FAULTS)
    assert await third.settle_down(5)
    assert (await third.payment(answer.payment_id, HARBOUR)).status == "credited"


async def test_a_rail_of_another_s_outage_takes_nothing(start: Start) -> None:
    first, second = await start(), await start()
    await first.set_faults("ibps", OUTAGE)
    await met(second, "ibps", OUTAGE)
    answer = await second.pay(northbound(), HARBOUR, "k")
    await asyncio.sleep(0.1)
    assert (await second.payment(answer.payment_id, HARBOUR)).status == "accepted"


# --- persons ---


async def test_a_link_made_through_one_worker_binds_the_next_payment_of_all_and_after_a_restart(
    start: Start, postgres_url: str
) -> None:
    first, second = await start(), await start()
    await first.pay(northbound("9000.00", person=1), HARBOUR, "a")
    assert (await second.explain(northbound("9000.00", person=2), HARBOUR))["status"] == "ACSP"
    assert await first.link_persons(*(Identification(**a_person(n)) for n in (1, 2)))
    answer = await second.pay(northbound("9000.00", person=2), HARBOUR, "b")  # it has not looked yet
    assert answer.refusal is not None and answer.refusal.detail["headroom"] == "HKD 1000.00"
    await second.stop()
    third = await start()
    assert third.world.known.persons.links == first.world.known.persons.links != {}
    await third.pay(northbound("1000.00", person=2), HARBOUR, "c")
    assert await first.settle_down(5) and await third.settle_down(5)
    found = await audit(postgres_url, first.world.sandbox, time.time(), drained=True)
    assert (found.violations, found.payments) == ([], 3)


# --- between deciding and storing ---


async def test_a_batch_decided_before_the_world_moved_on_is_decided_again(start: Start) -> None:
    """Planted between the two: another worker sets a fault, so the generation is another when the batch is to be stored."""
    first, second = await start(), await start()
    accept, generations = first.store.accept, []

    async def meanwhile(batch: Any, generation: int, judge: Any) -> Any:
        generations.append(generation)
        if len(generations) == 1:
            await second.set_faults("ibps", OUTAGE)
        return await accept(batch, generation, judge)

    first.store.accept = meanwhile  # type: ignore[method-assign]
    answer = await first.pay(northbound(), HARBOUR, "k")
    assert answer.status == "accepted" and generations == [generations[0], generations[0] + 1]
    assert first.world.rails["ibps"].faults == OUTAGE
    assert [event.status for event in await first.store.events(answer.payment_id)] == ["accepted"]
