"""Changes of the directory: what a proxy may become, and what is refused."""

from collections.abc import Callable

import pytest

from rails.identifiers.fictional import hkid, phone
from switch.directory import changes
from switch.directory.changes import Conflict, Holder, ProxyAt, Wrong
from switch.directory.directory import Directory
from switch.directory.entries import ACTIVE, SUSPENDED, Entry, Record, read_record, write_record

HARBOUR, LION, LOTUS = "HBAYHKH0", "LIONHKH0", "LOTUMOM0"
PHONE = phone(7, "HK")
TAI_MAN = Holder("900-888-777001", "CHAN Tai Man", "person", ("HKD",))
AT_HARBOUR, AT_LION = ProxyAt("MBNO", PHONE, HARBOUR, "HK"), ProxyAt("MBNO", PHONE, LION, "HK")
MADE = 4  # the fence's generation


class Book:
    """A directory and the changes made to it, each taken up as every worker takes it up."""

    def __init__(self, *entries: Entry) -> None:
        self.directory, self.revision = Directory(entries), MADE

    def do(self, change: Callable[..., list[Record]], *arguments: object) -> list[Record]:
        records = change(self.directory, *arguments)
        self.revision += 1
        self.directory.take([read_record(write_record(record)) for record in records], self.revision)
        return records

    def register(self, at: ProxyAt = AT_HARBOUR, holder: Holder = TAI_MAN, default: bool | None = None) -> list[Record]:
        return self.do(changes.register, at, holder, default, self.revision)

    def agent(self, at: ProxyAt = AT_HARBOUR, agent: str = "") -> str | None:
        found = self.directory.resolve(at.proxy_type, at.value, at.country, agent)
        return found.agent if found else None


@pytest.fixture
def book() -> Book:
    made = Book()
    made.register()
    return made


def test_a_registered_proxy_leads_to_its_account_under_its_name(book: Book) -> None:
    found = book.directory.resolve("MBNO", PHONE.replace("-", " "), "HK")
    assert found == Entry(HARBOUR, "900888777001", "CHAN Tai Man", "person", "HK", (), ("HKD",))
    assert book.directory.account(HARBOUR, "900888777001") == found


def test_the_same_registration_again_is_no_news_and_another_one_is_a_conflict(book: Book) -> None:
    assert book.register() == []
    for other in (TAI_MAN._replace(name="HO Mei"), TAI_MAN._replace(account="900888777002")):
        with pytest.raises(Conflict, match="amend"):
            book.register(holder=other)


def test_a_proxy_with_several_agents_has_one_default_and_an_agent_named_comes_first(book: Book) -> None:
    book.register(AT_LION, TAI_MAN._replace(account="901888777001"))
    assert (book.agent(), book.agent(agent=LION), book.agent(agent="KAPOHKH0")) == (HARBOUR, LION, HARBOUR)
    book.do(changes.amend, AT_LION, None, None, True, True)
    assert book.agent() == LION
    defaults = [each.agent for each in book.directory.registrations(AT_LION.proxy).values() if each.is_default]
    assert defaults == [LION]
    book.do(changes.deregister, AT_LION)
    assert (book.agent(), book.agent(agent=LION)) == (HARBOUR, HARBOUR)


def test_who_ends_the_default_registration_leaves_it_to_the_one_made_first(book: Book) -> None:
    book.register(ProxyAt("MBNO", PHONE, "KAPOHKH0", "HK"), Holder("9", "CHAN Tai Man"))
    book.register(AT_LION, Holder("8", "CHAN Tai Man"))
    book.do(changes.amend, AT_LION, None, None, True, True)
    assert book.agent() == LION
    book.do(changes.deregister, AT_LION)
    assert book.agent() == HARBOUR


def test_the_only_default_is_not_given_up_by_amending_it(book: Book) -> None:
    with pytest.raises(Conflict, match="one default"):
        book.do(changes.amend, AT_HARBOUR, None, None, False)


def test_a_suspended_proxy_leads_nowhere_until_it_is_released(book: Book) -> None:
    book.do(changes.set_status, AT_HARBOUR, SUSPENDED)
    assert book.agent() is None and book.agent(agent=HARBOUR) is None
    assert book.directory.account(HARBOUR, "900888777001") is not None
    assert changes.set_status(book.directory, AT_HARBOUR, SUSPENDED) == []
    book.do(changes.set_status, AT_HARBOUR, ACTIVE)
    assert book.agent() == HARBOUR


def test_an_amendment_changes_name_or_account_and_nothing_else(book: Book) -> None:
    book.do(changes.amend, AT_HARBOUR, None, "CHAN Tai Man Peter", None)
    assert book.directory.account(HARBOUR, "900888777001").name == "CHAN Tai Man Peter"  # type: ignore[union-attr]
    book.do(changes.amend, AT_HARBOUR, "900888777009", "HO Mei", None)
    found = book.directory.resolve("MBNO", PHONE, "HK")
    assert found is not None and (found.account, found.name) == ("900888777009", "HO Mei")
    assert not book.directory.registered_for((HARBOUR, "900888777001"))
    assert changes.amend(book.directory, AT_HARBOUR, None, "HO Mei", None) == []


def test_a_moved_proxy_leads_to_the_other_agent_and_no_longer_to_the_first(book: Book) -> None:
    to = TAI_MAN._replace(account="901888777001")
    book.do(changes.move, AT_HARBOUR, AT_LION, to, MADE, True)
    assert (book.agent(), book.agent(agent=HARBOUR)) == (LION, LION)
    assert changes.deregister(book.directory, AT_HARBOUR) == []
    with pytest.raises(Conflict, match="not registered with HBAYHKH0"):
        book.do(changes.amend, AT_HARBOUR, None, None, True)


def test_a_move_stays_on_the_rails_of_its_country_and_waits_for_a_release(book: Book) -> None:
    with pytest.raises(Wrong):
        book.do(changes.move, AT_HARBOUR, ProxyAt("MBNO", PHONE, LOTUS, "MO"), TAI_MAN, MADE)
    book.do(changes.set_status, AT_HARBOUR, SUSPENDED)
    with pytest.raises(Conflict, match="suspended"):
        book.do(changes.move, AT_HARBOUR, AT_LION, TAI_MAN, MADE)


def test_a_move_does_not_rename_another_agent_s_account(book: Book) -> None:
    book.register(ProxyAt("SHID", "1234567", LION, "HK"), Holder("8", "HO Mei"))
    with pytest.raises(Conflict, match="otherwise"):
        book.do(changes.move, AT_HARBOUR, AT_LION, Holder("8", "CHAN Tai Man"), MADE, True)
    book.do(changes.move, AT_HARBOUR, AT_LION, Holder("8"), MADE, True)
    assert book.agent() == LION


def test_an_agent_moves_a_proxy_only_to_an_account_the_other_one_has_under_that_name(book: Book) -> None:
    book.register(ProxyAt("SHID", "1234567", LION, "HK"), Holder("8", "CHAN Tai Man"))
    said = set()
    for holder in (
        Holder("9", "CHAN Tai Man"),
        Holder("8", "HO Mei"),
        Holder("8"),
        Holder("8", "CHAN Tai Man", "firm"),
    ):
        with pytest.raises(Conflict) as caught:
            book.do(changes.move, AT_HARBOUR, AT_LION, holder, MADE)
        said.add(str(caught.value))
    assert len(said) == 1  # nor does it read out what the other agent has
    assert book.directory.account(LION, "9") is None and book.agent() == HARBOUR
    book.do(changes.move, AT_HARBOUR, AT_LION, Holder("8", "CHAN Tai Man"), MADE)
    assert book.agent() == LION


def test_a_move_does_not_fill_an_account_beyond_what_it_takes(monkeypatch: pytest.MonkeyPatch, book: Book) -> None:
    monkeypatch.setattr(changes, "PROXIES_PER_ACCOUNT_MAX", 1)
    book.register(ProxyAt("SHID", "1234567", LION, "HK"), Holder("8", "CHAN Tai Man"))
    with pytest.raises(Conflict, match="no more"):
        book.do(changes.move, AT_HARBOUR, AT_LION, Holder("8", "CHAN Tai Man"), MADE)


def test_no_agent_takes_another_s_default_over_and_who_has_it_gives_it_up(book: Book) -> None:
    with pytest.raises(Conflict, match="gives it up"):
        book.register(AT_LION, Holder("8", "CHAN Tai Man"), True)
    book.register(AT_LION, Holder("8", "CHAN Tai Man"))
    with pytest.raises(Conflict, match="gives it up"):
        book.do(changes.amend, AT_LION, None, None, True)
    assert book.agent() == HARBOUR
    book.do(changes.amend, AT_HARBOUR, None, None, False)
    assert (book.agent(), book.agent(agent=HARBOUR)) == (LION, HARBOUR)
    defaults = [each.agent for each in book.directory.registrations(AT_LION.proxy).values() if each.is_default]
    assert defaults == [LION]
    book.do(changes.amend, AT_HARBOUR, None, None, True, True)
    assert book.agent() == HARBOUR


def test_a_deregistered_proxy_may_be_registered_again_by_anybody(book: Book) -> None:
    book.do(changes.deregister, AT_HARBOUR)
    assert book.agent() is None and changes.deregister(book.directory, AT_HARBOUR) == []
    book.register(AT_LION, Holder("901888777001", "HO Mei"))
    assert book.agent() == LION


def test_an_hkid_is_a_person_s(book: Book) -> None:
    with pytest.raises(Conflict, match="person"):
        book.register(ProxyAt("NIDN", hkid(5), HARBOUR, "HK"), Holder("77", "Golden Tea Ltd", "firm"))
    book.register(ProxyAt("NIDN", hkid(5), HARBOUR, "HK"))


def test_an_fps_identifier_stands_at_one_agent(book: Book) -> None:
    book.register(ProxyAt("SHID", "1234567", HARBOUR, "HK"))
    with pytest.raises(Conflict, match="one account"):
        book.register(ProxyAt("SHID", "1234567", LION, "HK"))


@pytest.mark.parametrize(
    ("at", "holder", "field"),
    [
        (ProxyAt("MBNO", "+852-1", HARBOUR, "HK"), TAI_MAN, "proxy.value"),
        (ProxyAt("NIDN", "A123456(4)", HARBOUR, "HK"), TAI_MAN, "proxy.value"),
        (ProxyAt("EMAL", "a@b.mo", LOTUS, "MO"), TAI_MAN, "proxy.value"),
        (ProxyAt("SHID", "1234567", LOTUS, "MO"), TAI_MAN, "proxy.value"),
        (AT_HARBOUR, TAI_MAN._replace(account="12/34"), "account"),
        (AT_HARBOUR, TAI_MAN._replace(account="555", name=None), "name"),
    ],
)
def test_what_is_wrong_in_itself_is_named_by_its_field(at: ProxyAt, holder: Holder, field: str) -> None:
    with pytest.raises(Wrong) as caught:
        Book().register(at, holder)
    assert caught.value.field == field


def test_an_account_takes_so_many_proxies_and_no_more(monkeypatch: pytest.MonkeyPatch, book: Book) -> None:
    monkeypatch.setattr(changes, "PROXIES_PER_ACCOUNT_MAX", 2)
    book.register(ProxyAt("SHID", "1234567", HARBOUR, "HK"))
    with pytest.raises(Conflict, match="no more"):
        book.register(ProxyAt("EMAL", "a@b.hk", HARBOUR, "HK"))


def test_a_full_directory_takes_changes_of_what_it_holds_and_nothing_new(
    monkeypatch: pytest.MonkeyPatch, book: Book
) -> None:
    monkeypatch.setattr(changes, "RECORDS_MAX", book.directory.taken)
    with pytest.raises(Conflict, match="no more"):
        book.register(ProxyAt("SHID", "1234567", HARBOUR, "HK"))
    book.do(changes.set_status, AT_HARBOUR, SUSPENDED)


def test_a_packaged_proxy_is_changed_as_any_other_is() -> None:
    book = Book(Entry(HARBOUR, "900-1", "HO Mei", "person", "HK", (("MBNO", PHONE),)))
    assert book.agent() == HARBOUR
    book.do(changes.amend, AT_HARBOUR, None, "HO Mei Ling", None)
    assert book.directory.account(HARBOUR, "9001").name == "HO Mei Ling"  # type: ignore[union-attr]
    book.do(changes.deregister, AT_HARBOUR)
    assert book.agent() is None


def test_an_alert_stands_on_a_proxy_or_an_account_until_it_is_lifted(book: Book) -> None:
    directory = book.directory
    entry = directory.account(HARBOUR, "900888777001")
    assert entry is not None and not directory.has_alerts
    book.do(changes.alert_proxy, AT_HARBOUR, True)
    through = directory.registration("MBNO", PHONE, "HK")
    assert directory.is_alerted(entry, through) and not directory.is_alerted(entry)
    book.do(changes.alert_proxy, AT_HARBOUR, False)
    assert not directory.has_alerts
    book.do(changes.alert_account, HARBOUR, "900888777001", True)
    assert directory.is_alerted(entry) and book.agent() == HARBOUR
    with pytest.raises(Conflict):
        book.do(changes.alert_account, HARBOUR, "404", True)
