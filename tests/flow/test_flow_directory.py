"""The directory changed at run time: every worker has it before it judges, a restart too, and what is stored says nothing."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from builders import HARBOUR, KAPOK, LION, RATES, RULEBOOK, a_clock, domestic, some_rails
from driver import Driver

from rails.identifiers.fictional import phone
from switch.directory import changes
from switch.directory.changes import Conflict, Holder, ProxyAt
from switch.directory.entries import SUSPENDED
from switch.flow import directory as flow_directory
from switch.flow.directory import DirectoryDesk, TooManyChanges
from switch.flow.directory_books import DIRECTORY
from switch.flow.ports import Store
from switch.flow.world import World
from switch.main import make_world
from switch.payment.instruction import Instruction

NewStore = Callable[[], Awaitable[Store]]
PHONE = phone(77, "HK")
NAME, ACCOUNT = "HO Siu Fong", "901888777001"
AT_LION, AT_KAPOK = ProxyAt("MBNO", PHONE, LION, "HK"), ProxyAt("MBNO", PHONE, KAPOK, "HK")


def a_world_of_its_own() -> World:
    """A world with a directory that nothing else shares."""
    world = make_world(some_rails(), a_clock(), seed=1, rulebook=RULEBOOK)
    world.rates = RATES
    return world


async def a_worker(new_store: NewStore, incarnation: int = 1) -> Driver:
    return await Driver(await new_store(), a_world_of_its_own(), incarnation).start()


def desk_of(worker: Driver) -> DirectoryDesk:
    return DirectoryDesk(worker.world, worker.store, worker.worker.refresh, gap_seconds=0)


async def registered(worker: Driver, at: ProxyAt = AT_LION, name: str = NAME) -> bool:
    holder = Holder(ACCOUNT, name)
    return await desk_of(worker).change(lambda known, now: changes.register(known, at, holder, None, now))


async def status(worker: Driver, value: str) -> bool:
    return await desk_of(worker).change(lambda known, _: changes.set_status(known, AT_LION, value))


def to_phone(person: int = 1, **more: object) -> Instruction:
    proxy = {"proxy": {"type": "MBNO", "value": PHONE}}
    asked = {"creditor__account": proxy, "creditor__name": "Siu Fong HO", "creditor_agent": LION} | more
    return domestic(person=person, **asked)  # type: ignore[arg-type]


async def refusal(worker: Driver, instruction: Instruction) -> str:
    answer = await worker.pay(instruction)
    return answer.refusal.reason if answer.refusal else ""


async def test_a_proxy_is_paid_from_the_next_payment_on_by_every_worker(new_store: NewStore) -> None:
    one, other = await a_worker(new_store, 1), await a_worker(new_store, 2)
    assert await refusal(other, to_phone()) == "proxy-unknown"
    assert await registered(one) and not await registered(one)
    assert await refusal(other, to_phone(creditor__name="CHAN Tai Man")) == "name-mismatch"
    assert await refusal(other, to_phone()) == await refusal(one, to_phone(2)) == ""
    assert await status(other, SUSPENDED)
    assert await refusal(one, to_phone()) == "proxy-unknown"
    assert await status(one, "active") and await refusal(other, to_phone(2)) == ""


async def test_a_moved_proxy_is_paid_at_its_new_agent_only(new_store: NewStore) -> None:
    worker = await a_worker(new_store)
    await registered(worker)
    to = Holder("903888777001", NAME)
    await desk_of(worker).change(lambda known, now: changes.move(known, AT_LION, AT_KAPOK, to, now, True))
    assert await refusal(worker, to_phone()) == "creditor-agent-differs"
    assert await refusal(worker, to_phone(creditor_agent=KAPOK)) == ""


async def test_an_agent_named_is_paid_though_the_default_is_another(new_store: NewStore) -> None:
    worker = await a_worker(new_store)
    await registered(worker)
    await registered(worker, AT_KAPOK)
    assert await refusal(worker, to_phone()) == await refusal(worker, to_phone(2, creditor_agent=KAPOK)) == ""
    assert await refusal(worker, to_phone(3, creditor_agent="PEAKHKH0")) == "creditor-agent-differs"


async def test_a_worker_that_starts_later_knows_all_of_it_page_by_page(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_directory, "PAGE", 2)
    one = await a_worker(new_store, 1)
    await registered(one)
    await registered(one, AT_KAPOK)
    await status(one, SUSPENDED)
    late = await a_worker(new_store, 2)
    await late.worker.refresh()
    for key in (AT_LION.proxy, ("MBNO", "+852-61900001", "HK")):
        assert late.world.known.directory.registrations(key) == one.world.known.directory.registrations(key)
    assert await refusal(late, to_phone()) == "proxy-unknown"
    assert late.world.known.directory.revision == int((await one.store.world())[DIRECTORY])


async def test_only_what_is_later_is_read_and_nothing_where_nothing_changed(new_store: NewStore) -> None:
    one, other = await a_worker(new_store, 1), await a_worker(new_store, 2)
    await registered(one)
    await other.worker.refresh()
    asked: list[int] = []
    read = other.store.directory

    async def noted(after: int, limit: int) -> list[object]:
        asked.append(after)
        return list(await read(after, limit))

    known = other.world.known.directory.revision
    other.store.directory = noted  # type: ignore[method-assign, assignment]
    await one.store.advance({"other": "news"})
    await other.worker.refresh()
    assert asked == []
    await status(one, SUSPENDED)
    await other.worker.refresh()
    assert set(asked) <= {known} and other.world.known.directory.registrations(AT_LION.proxy)[LION].status == SUSPENDED


async def test_of_changes_at_once_none_is_lost_and_one_proxy_gets_one_default(new_store: NewStore) -> None:
    at_work = [await a_worker(new_store, n) for n in (1, 2, 3)]
    agents = (HARBOUR, LION, KAPOK)
    await asyncio.gather(
        *(registered(worker, ProxyAt("MBNO", PHONE, bic, "HK")) for worker, bic in zip(at_work, agents, strict=True))
    )
    for worker in at_work:
        await worker.worker.refresh()
        there = worker.world.known.directory.registrations(AT_LION.proxy)
        assert set(there) == set(agents) and sum(each.is_default for each in there.values()) == 1


async def test_changes_wait_for_their_turn_and_too_many_are_sent_away(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_directory, "WAITING_MAX", 2)
    worker = await a_worker(new_store)
    await registered(worker)
    desk = DirectoryDesk(worker.world, worker.store, worker.worker.refresh, gap_seconds=0.05)

    async def set_to(value: str) -> bool:
        return await desk.change(lambda known, _: changes.set_status(known, AT_LION, value))

    started = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*map(set_to, (SUSPENDED, "active", SUSPENDED)), return_exceptions=True)
    assert asyncio.get_running_loop().time() - started >= 0.05
    assert answers[:2] == [True, True] and isinstance(answers[2], TooManyChanges)
    assert await set_to(SUSPENDED)


async def test_what_is_refused_changes_nothing(new_store: NewStore) -> None:
    worker = await a_worker(new_store)
    await registered(worker)
    generation = await worker.store.generation()
    with pytest.raises(Conflict):
        await registered(worker, name="HO Mei")
    assert await worker.store.generation() == generation


async def test_no_name_and_no_number_stands_in_the_store(new_store: NewStore) -> None:
    worker = await a_worker(new_store)
    await registered(worker)
    rows = await worker.store.directory(0, 10)
    stored = b"".join(row.key.encode() + row.sealed for row in rows) + str(await worker.store.world()).encode()
    assert len(rows) == 2
    for secret in (NAME, ACCOUNT, PHONE, PHONE.removeprefix("+852-"), LION):
        assert secret.encode() not in stored


async def test_a_late_answer_does_not_undo_what_is_newer(new_store: NewStore) -> None:
    """A refresh reads its page, sleeps, and wakes after another has taken up more."""
    one, other = await a_worker(new_store, 1), await a_worker(new_store, 2)
    await registered(one)
    read, slept, wake = other.store.directory, asyncio.Event(), asyncio.Event()

    async def slow(after: int, limit: int) -> object:
        rows = await read(after, limit)
        slept.set()
        await wake.wait()
        return rows

    other.store.directory = slow  # type: ignore[method-assign, assignment]
    late = asyncio.create_task(other.worker.refresh())
    await slept.wait()
    other.store.directory = read  # type: ignore[method-assign]
    await status(one, SUSPENDED)
    await other.worker.refresh()
    wake.set()
    await late
    assert other.world.known.directory.registrations(AT_LION.proxy)[LION].status == SUSPENDED
