"""The judge finds each planted fault, and nothing where there is none: a judge that cannot convict proves nothing."""

from dataclasses import dataclass, field, replace

from switch.chaos.judge import Admission, Answered, Attempt, Ceiling, Row, Run, Verdict, judge

RULE = "payment-connect.northbound.day"
DAY = "2026-03-05"
OWNER = "7|HBAYHKH0"
CAP = 10_000_00
T = 1_700_000_000_000  # when the run began
REFUSED = {"refused": True, "reason": "person-quota", "rule": RULE, "ceiling_minor": CAP}


def call(key: str, sent_ms: int, *answers: tuple[int, str, str]) -> Answered:
    """A call that was made once."""
    return Answered(key, (Attempt(sent_ms),), answers)


@dataclass(frozen=True)
class Books:
    """A run in which a person sent 9,900 and was refused 200 more; tests plant into it."""

    answered: tuple[Answered, ...] = (
        call("k1", T, (202, "p1", "")),
        call("k2", T + 1_000, (422, "p2", "person-quota")),
    )
    rows: tuple[Row, ...] = (
        Row("p1", "i1", T + 20, DAY),
        Row("p2", "i2", T + 1_020, DAY, asked_minor=200_00, **REFUSED),
    )
    admissions: tuple[Admission, ...] = (Admission(OWNER, RULE, DAY, 9_900_00, T + 20),)
    ceilings: tuple[Ceiling, ...] = (Ceiling(0, 0, CAP),)
    instructions: dict[str, str] = field(default_factory=lambda: {f"k{n}": f"i{n}" for n in range(1, 5)})

    def judged(self) -> Verdict:
        owners = dict.fromkeys(self.instructions, OWNER)
        return judge(Run(self.answered, self.rows, self.admissions, self.ceilings, RULE, owners, self.instructions))


SOUND = Books()


def found(books: Books) -> dict[str, int]:
    """What is wrong, by promise."""
    return {name: len(texts) for name, texts in books.judged()._asdict().items() if texts}


def test_a_sound_run_holds() -> None:
    assert SOUND.judged().holds and found(SOUND) == {}


def test_what_was_accepted_and_never_stored_is_lost() -> None:
    assert found(replace(SOUND, rows=SOUND.rows[1:])) == {"lost": 1}


def test_what_was_accepted_and_is_refused_in_the_books_is_lost() -> None:
    row = Row("p1", "i1", T + 20, DAY, asked_minor=200_00, **REFUSED)
    assert found(replace(SOUND, rows=(row, SOUND.rows[1])))["lost"] == 1


def test_one_instruction_under_two_payments_is_double() -> None:
    assert found(replace(SOUND, rows=(*SOUND.rows, Row("p9", "i1", T + 30, DAY)))) == {"double": 1}


def test_one_key_with_two_payments_is_double() -> None:
    again = call("k1", T + 500, (202, "p3", ""))
    books = replace(SOUND, answered=(*SOUND.answered, again), rows=(*SOUND.rows, Row("p3", "i3", T + 520, DAY)))
    assert found(books) == {"lost": 1, "double": 1}  # and p3 is not of that key


def test_an_answer_with_another_calls_payment_is_lost_and_one_payment_for_two_keys_is_double() -> None:
    answered_alike = (*SOUND.answered, call("k3", T + 500, (202, "p1", "")))
    assert found(replace(SOUND, answered=answered_alike)) == {"lost": 1, "double": 1}
    swapped = (call("k1", T, (202, "p3", "")), SOUND.answered[1], call("k3", T, (202, "p1", "")))
    books = replace(SOUND, answered=swapped, rows=(*SOUND.rows, Row("p3", "i3", T + 20, DAY)))
    assert found(books) == {"lost": 2}


def test_a_refusal_of_another_calls_payment_is_false() -> None:
    refused_alike = (*SOUND.answered, call("k3", T + 1_000, (422, "p2", "person-quota")))
    assert found(replace(SOUND, answered=refused_alike)) == {"double": 1, "false_refusals": 1}


def test_a_payment_nobody_sent_is_double() -> None:
    assert found(replace(SOUND, rows=(*SOUND.rows, Row("p9", "stranger", T, DAY)))) == {"double": 1}


def test_an_allowance_that_was_exceeded_is_found_and_the_highest_ceiling_of_the_time_counts() -> None:
    more = replace(SOUND, admissions=(*SOUND.admissions, Admission(OWNER, RULE, DAY, 200_00, T + 1_500)))
    assert found(more) == {"beyond": 1}
    raised = (*SOUND.ceilings, Ceiling(T + 1_400, T + 1_450, 12_000_00))
    assert found(replace(more, ceilings=raised)) == {}
    lowered_again = (*raised, Ceiling(T + 1_460, T + 1_470, CAP))
    assert found(replace(more, ceilings=lowered_again)) == {}  # so soon after nobody can tell
    assert found(replace(more, ceilings=(*SOUND.ceilings, Ceiling(T + 1_600, T + 1_650, 12_000_00)))) == {"beyond": 1}


def test_what_was_admitted_under_a_ceiling_that_was_lowered_before_is_beyond() -> None:
    more = (*SOUND.admissions, Admission(OWNER, RULE, DAY, 200_00, T + 1_500))

    def beyond(sure_ms: int) -> int:
        ceilings = (Ceiling(0, 0, 12_000_00), Ceiling(sure_ms - 50, sure_ms, CAP))
        return len(replace(SOUND, admissions=more, ceilings=ceilings).judged().beyond)

    assert beyond(T + 1_251) == 0
    assert beyond(T + 1_250) == 1  # a board may refuse by what was a second ago, and admits nothing


def test_what_was_given_back_makes_room() -> None:
    first = SOUND.admissions[0]._replace(voided_ms=T + 1_400)
    assert found(replace(SOUND, admissions=(first, Admission(OWNER, RULE, DAY, 9_000_00, T + 1_500)))) == {}


def test_a_refusal_with_room_is_false() -> None:
    used = SOUND.admissions[0]._replace(minor=9_800_00)
    assert found(replace(SOUND, admissions=(used,))) == {"false_refusals": 1}


def test_a_refusal_may_be_a_second_behind_and_no_more() -> None:
    def voided(at: int) -> Books:
        return replace(SOUND, admissions=(SOUND.admissions[0]._replace(committed_ms=T - 5_000, voided_ms=at),))

    assert found(voided(T - 249)) == {}  # 1,249 ms before it was sent: a second, and until others saw it
    assert found(voided(T - 250)) == {"false_refusals": 1}


def test_a_call_that_is_made_again_is_judged_from_its_first_attempt_that_may_still_have_been_under_way() -> None:
    def tried(*attempts: Attempt) -> Books:
        again = Answered("k2", (*attempts, Attempt(T + 1_000)), ((422, "p2", "person-quota"),))
        given_back = SOUND.admissions[0]._replace(committed_ms=T - 25_000, voided_ms=T - 19_900)
        return replace(SOUND, answered=(SOUND.answered[0], again), admissions=(given_back,))

    assert found(tried(Attempt(T - 20_000))) == {}
    assert found(tried(Attempt(T - 20_000, let_go=True))) == {"false_refusals": 1}
    assert found(tried(Attempt(T - 20_000, let_go=True), Attempt(T - 19_000))) == {}
    assert found(tried(Attempt(T - 20_000, let_go=True), Attempt(T - 18_000))) == {"false_refusals": 1}


def test_the_first_of_two_calls_with_one_key_may_be_the_one_that_was_judged() -> None:
    given_back = SOUND.admissions[0]._replace(committed_ms=T - 25_000, voided_ms=T - 19_900)
    first = call("k2", T - 20_000, (422, "p2", "person-quota"))
    for answered in ((first, *SOUND.answered), (*SOUND.answered, first)):
        assert found(replace(SOUND, answered=answered, admissions=(given_back,))) == {}


def test_a_refusal_for_what_came_only_later_is_false() -> None:
    assert found(replace(SOUND, admissions=(SOUND.admissions[0]._replace(committed_ms=T + 1_100),))) == {
        "false_refusals": 1
    }


def test_another_day_or_person_uses_nothing_of_it() -> None:
    for changed in ({"window": "2026-03-04"}, {"owner": "8|HBAYHKH0"}, {"rule": "another.rule"}):
        assert found(replace(SOUND, admissions=(SOUND.admissions[0]._replace(**changed),))) == {"false_refusals": 1}


def test_a_refusal_by_a_ceiling_that_was_not_in_force_is_false() -> None:
    row = SOUND.rows[1]._replace(ceiling_minor=5_000_00)
    books = replace(SOUND, rows=(SOUND.rows[0], row))
    assert found(books) == {"false_refusals": 1}
    assert found(replace(books, ceilings=(*SOUND.ceilings, Ceiling(T + 800, T + 900, 5_000_00)))) == {}


def test_a_refusal_for_another_reason_is_false() -> None:
    for changed in ({"reason": "duplicate"}, {"rule": "another.rule"}):
        row = SOUND.rows[1]._replace(**changed)
        assert found(replace(SOUND, rows=(SOUND.rows[0], row))) == {"false_refusals": 1}


def test_a_no_of_which_the_books_know_nothing_is_false() -> None:
    for answer in ((400, "", "malformed"), (422, "p1", "person-quota")):
        answered = (*SOUND.answered, call("k1", T + 500, answer))
        assert found(replace(SOUND, answered=answered)) == {"false_refusals": 1}


def test_who_is_never_answered_is_told() -> None:
    assert found(replace(SOUND, answered=(*SOUND.answered, call("k4", T)))) == {"unanswered": 1}
