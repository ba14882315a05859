"""What a wallet team does with the switch, through its own client: pay, be refused, ask again, look."""

import asyncio
from datetime import timedelta

import pytest
from builders import BANYAN, HARBOUR, LION, NOON, PEARL, northbound, southbound, to_magic
from serving import Served, a_new_person, body_of

from bayswitch import Problem

DAY = "payment-connect.northbound.day"


async def test_a_payment_is_accepted_and_credited(served: Served) -> None:
    async with served.client() as client:
        payment = await client.pay(body_of(northbound("100.00", person=a_new_person())), wait_seconds=10)
    assert (payment["status"], payment["iso_status"]) == ("credited", "ACCC")
    assert payment["lane"]["lane"] == "payment-connect.northbound"
    assert payment["debit_amount"] == {"currency": "HKD", "amount": "100.00"}
    assert payment["settlement_amount"]["currency"] == "CNY"
    assert [step["rail"] for step in payment["route"]] == ["hk-fps", "ibps"]
    assert payment["claims"][0] == {"rule": DAY, "ceiling": "10000.00", "claimed": "100.00", "currency": "HKD"}
    assert payment["reason"] is None and payment["rulebook_id"]


async def test_without_waiting_the_answer_is_that_it_is_accepted(served: Served) -> None:
    async with served.http() as http:
        answer = await http.post(
            "/v1/payments",
            json=body_of(northbound(person=a_new_person())),
            headers={"Idempotency-Key": f"k{a_new_person()}"},
        )
        assert answer.status_code == 202 and answer.json()["iso_status"] == "ACSP"
        read = await http.get(answer.headers["Location"])
    assert read.status_code == 200 and read.json()["payment_id"] == answer.json()["payment_id"]


async def test_a_refusal_names_rule_source_headroom_and_what_to_do(served: Served) -> None:
    person = a_new_person()
    async with served.client() as client:
        await client.pay(body_of(northbound("8750.00", person=person)))
        with pytest.raises(Problem) as caught:
            await client.pay(body_of(northbound("1500.00", person=person)))
        problem = caught.value
        assert (problem.status, problem.code, problem.rule) == (422, "RR04", DAY)
        assert problem.headroom == "HKD 1250.00" and "HKMA" in problem.source
        assert problem.members["what_to_do"] and problem.members["field"] == "instructed_amount.amount"
        stored = await client.payment(str(problem.payment_id))
        assert stored["iso_status"] == "RJCT" and stored["reason"]["rule"] == DAY and stored["claims"] == []
        # What was refused left no trace: exactly the headroom still fits.
        await client.pay(body_of(northbound("1250.00", person=person)))
    async with served.client(LION) as other:
        await other.pay(body_of(northbound("1500.00", person=person, debtor_agent=LION)))


async def test_what_was_asked_is_shown_to_its_participant_where_one_payment_is_read(served: Served) -> None:
    person = a_new_person()
    asked = {
        "end_to_end_id": f"E2E-{person}",
        "instructed_amount": {"currency": "HKD", "amount": "10000.50"},
        "settlement_currency": "CNY",
        "purpose_code": "GIFT",
    }
    refused = northbound("10000.50", person=person, end_to_end_id=f"E2E-{person}")
    accepted = northbound("1.00", person=person, end_to_end_id=f"E2E-{person}b")
    async with served.client() as client, served.operator() as operator:
        with pytest.raises(Problem) as caught:
            await client.pay(body_of(refused))
        read = await client.payment(str(caught.value.payment_id))
        assert asked.items() <= read.items() and read["iso_status"] == "RJCT" and read["debit_amount"] is None
        hidden = await operator.payment(str(caught.value.payment_id))
        waited = await client.pay(body_of(accepted), wait_seconds=10)
        listed = (await client.payments(uetr=waited["uetr"]))["payments"][0]
    assert waited["end_to_end_id"] == f"E2E-{person}b" and waited["instructed_amount"]["amount"] == "1.00"
    assert not asked.keys() & hidden.keys(), "an operator reads no instruction"
    assert not asked.keys() & listed.keys(), "a list opens no seal"
    shown = str(read)
    assert refused.debtor.identification is not None
    for secret in (refused.debtor.name, refused.creditor.name, refused.debtor.identification.number):
        assert secret not in shown


async def test_a_list_opens_no_seal(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with own.client() as client:
        sent = await client.pay(body_of(northbound("1.00")))

        def opened(*_: object) -> bytes:
            raise AssertionError("a seal was opened")

        monkeypatch.setattr(own.sandbox.world.sealer, "open", opened)
        assert (await client.payments())["payments"][0]["payment_id"] == sent["payment_id"]
        with pytest.raises(Problem, match="500"):
            await client.payment(sent["payment_id"])


async def test_the_same_key_gives_the_same_answer_and_pays_once(served: Served) -> None:
    person = a_new_person()
    accepted, refused = body_of(northbound("10000.00", person=person)), body_of(northbound("0.01", person=person))
    async with served.http() as http:
        for body, status in ((accepted, 202), (refused, 422)):
            key = {"Idempotency-Key": f"again-{body['instruction_id']}"}
            first = await http.post("/v1/payments", json=body, headers=key)
            again = await http.post("/v1/payments", json=body, headers=key)
            assert first.status_code == again.status_code == status
            assert "Idempotency-Replayed" not in first.headers and again.headers["Idempotency-Replayed"] == "true"
            assert first.json().keys() == again.json().keys()
            assert first.json()["payment_id"] == again.json()["payment_id"]
        events = (await http.get(f"/v1/payments/{first.json()['payment_id']}/events")).json()["events"]
    assert [event["iso_status"] for event in events] == ["RJCT"]


async def test_a_key_used_for_other_content_is_told_which_fields_differ(served: Served) -> None:
    person = a_new_person()
    async with served.client() as client:
        await client.pay(body_of(northbound("10.00", person=person, instruction_id=f"first{person}")), f"same{person}")
        other = northbound("11.00", person=person, instruction_id=f"first{person}", creditor__name="Li Wen")
        with pytest.raises(Problem) as caught:
            await client.pay(body_of(other), f"same{person}")
        assert (caught.value.status, caught.value.code) == (422, "DU03")
        assert caught.value.members["fields"] == ["instructed_amount.amount", "creditor.name"]
        assert "Li W" not in str(caught.value.members) and caught.value.payment_id is None


async def test_a_known_uetr_under_a_new_key_is_a_duplicate(served: Served) -> None:
    uetr = f"00000000-0000-4000-8000-{a_new_person():012}"
    async with served.client() as client:
        first = await client.pay(body_of(northbound(person=a_new_person(), uetr=uetr)))
        with pytest.raises(Problem, match="DU03"):
            await client.pay(body_of(northbound(person=a_new_person(), uetr=uetr)))
        found = await client.payments(uetr=uetr)
    assert [payment["payment_id"] for payment in found["payments"]] == [first["payment_id"]]


async def test_many_calls_with_one_key_pay_once(served: Served) -> None:
    body, key = body_of(northbound("1.00", person=a_new_person())), {"Idempotency-Key": f"crowd{a_new_person()}"}
    async with served.http() as http:
        answers = await asyncio.gather(*[http.post("/v1/payments", json=body, headers=key) for _ in range(20)])
    paid = [answer for answer in answers if answer.status_code == 202]
    early = [answer for answer in answers if answer.status_code == 409]
    assert len(paid) + len(early) == 20 and all(answer.headers["Retry-After"] for answer in early)
    assert len({answer.json()["payment_id"] for answer in paid}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in paid) == 1


async def test_explain_says_what_pay_then_does(served: Served) -> None:
    person = a_new_person()
    async with served.client() as client:
        for amount in ("9000.00", "1500.00", "1000.00"):
            body = body_of(northbound(amount, person=person))
            said = await client.explain(body)
            try:
                done = await client.pay(body, wait_seconds=10)
            except Problem as problem:
                assert said["status"] == "RJCT" and said["reason"]["code"] == problem.code
                assert said["reason"]["headroom"] == problem.headroom
            else:
                assert said["status"] == "ACSP" and said["debit_amount"] == done["debit_amount"]
                assert said["settlement_amount"] == done["settlement_amount"]
                assert said["classification"]["rule"] == done["classification"]["rule"]


async def test_a_batch_gives_every_item_its_own_outcome(served: Served) -> None:
    person = a_new_person()
    good = [
        {"idempotency_key": f"b{person}-{n}", "instruction": body_of(northbound("1000.00", person=person))}
        for n in range(12)
    ]
    bad = {
        "idempotency_key": f"b{person}-x",
        "instruction": body_of(northbound(person=person)) | {"settlement_currency": 7},
    }
    async with served.client() as client:
        outcome = await client.pay_batch([*good[:6], bad, *good[6:]])
        again = await client.pay_batch(good)
    statuses = [item["http_status"] for item in outcome["items"]]
    assert statuses == [202] * 6 + [400] + [202] * 4 + [422] * 2
    assert (outcome["accepted"], outcome["refused"]) == (10, 3)
    assert outcome["items"][6]["problem"]["errors"][0]["field"] == "instruction.settlement_currency"
    assert outcome["items"][6]["idempotency_key"] == f"b{person}-x"
    assert outcome["items"][-1]["problem"]["headroom"] == "HKD 0.00"
    assert all(item["replayed"] for item in again["items"]) and again["accepted"] == 10


async def test_a_thousand_items_are_taken_and_single_calls_get_through(served: Served) -> None:
    start = a_new_person()
    persons = [start] + [a_new_person() for _ in range(999)]
    items = [{"idempotency_key": f"m{n}", "instruction": body_of(northbound("1.00", person=n))} for n in persons]
    async with served.client(timeout_seconds=30) as client:
        batch = asyncio.create_task(client.pay_batch(items))
        await asyncio.sleep(0.05)
        single = await client.pay(body_of(northbound("1.00", person=a_new_person())))
        assert single["iso_status"] == "ACSP" and not batch.done()
        assert (await batch)["accepted"] == 1000


async def test_payments_are_listed_newest_first_page_by_page(own: Served) -> None:
    async with own.client() as client, own.operator() as operator:
        sent = []
        for n in range(5):
            await operator.move_clock((NOON + timedelta(seconds=n + 1)).isoformat())
            sent.append((await client.pay(body_of(northbound("1.00"))))["payment_id"])
        seen, cursor = [], None
        while True:
            page = await client.payments(cursor=cursor, limit=2)
            seen += [payment["payment_id"] for payment in page["payments"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert seen == sent[::-1]
        assert (await client.payments(status="rejected"))["payments"] == []


async def test_what_happened_is_told_in_order(served: Served) -> None:
    async with served.client() as client:
        payment = await client.pay(body_of(northbound(person=a_new_person())), wait_seconds=10)
        events = (await client.payment_events(payment["payment_id"]))["events"]
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["iso_status"] == "ACSP" and events[-1]["iso_status"] == "ACCC"


async def test_a_quote_is_honoured_once(served: Served) -> None:
    async with served.client() as client:
        wanted = {"sell_currency": "HKD", "buy_currency": "CNY", "amount": {"currency": "HKD", "amount": "500.00"}}
        quote = await client.quote(wanted)
        assert quote["sell_amount"]["amount"] == "500.00" and quote["expires_at"] > quote["as_of"]
        body = body_of(northbound("500.00", person=a_new_person(), quote_id=quote["quote_id"]))
        payment = await client.pay(body, wait_seconds=10)
        assert payment["settlement_amount"] == quote["buy_amount"] and payment["quote_id"] == quote["quote_id"]
        with pytest.raises(Problem, match="AB04"):
            await client.pay(body_of(northbound("500.00", person=a_new_person(), quote_id=quote["quote_id"])))


async def test_headroom_says_what_is_left_and_which_rule_binds(served: Served) -> None:
    person = a_new_person()
    async with served.client() as client:
        await client.pay(body_of(northbound("9999.00", person=person)))
        question = body_of(northbound("100.00", person=person))
        del question["instruction_id"]
        found = await client.headroom(question)
    lane = next(lane for lane in found["lanes"] if lane["lane"] == "payment-connect.northbound")
    assert lane["binding"]["rule"] == DAY and lane["binding"]["headroom"] == "1.00"


async def test_the_rule_that_binds_is_the_one_that_stops_this_payment(served: Served) -> None:
    """A smaller share of the year is used up than of the day, yet it is the day that stops HKD 9,986."""
    person = a_new_person()
    async with served.client() as client:
        await client.pay(body_of(northbound("15.00", person=person)))
        question = body_of(northbound("9986.00", person=person))
        del question["instruction_id"]
        found = await client.headroom(question)
    lane = next(lane for lane in found["lanes"] if lane["lane"] == "payment-connect.northbound")
    assert lane["status"] == "RJCT" and lane["binding"]["rule"] == DAY and lane["binding"]["headroom"] == "9985.00"


async def test_the_quota_board_shows_limits_with_their_source_and_own_positions(served: Served) -> None:
    async with served.client(PEARL) as client, served.operator() as operator:
        board, all_of_it = await client.quotas(), await operator.quotas()
    limits = {(rule["rule"], rule["currency"]): rule for rule in board["rules"]}
    assert limits[DAY, "HKD"]["value"] == "10000.00" and limits[DAY, "HKD"]["reference"]
    assert {account["account"].split(":")[1] for account in board["positions"]} == {PEARL}
    assert board["inventories"] == [] and all_of_it["inventories"]
    assert {account["account"].split(":")[1] for account in all_of_it["positions"]} >= {HARBOUR, PEARL, BANYAN}


async def test_a_silent_rail_leaves_the_payment_in_doubt_until_an_inquiry_answers(own: Served) -> None:
    async with own.client() as client, own.operator() as operator:
        payment = await client.pay(body_of(to_magic("UNREPORTED")))
        await operator.move_clock(by_seconds=1)
        waiting = asyncio.create_task(client.pay(body_of(to_magic("LATE-ACCEPT")), wait_seconds=20))
        await asyncio.sleep(0.1)
        async with own.http(None) as http:
            moved = await http.post("/v1/sandbox/clock", json={"advance_seconds": 600, "settle": 10})
        assert moved.status_code == 200 and moved.json()["settled"] is not None
        assert (await client.payment(payment["payment_id"]))["iso_status"] == "ACCC"
        doubtful = await waiting
        assert (doubtful["status"], doubtful["iso_status"]) == ("in_doubt", "PDNG")
        events = (await client.payment_events(payment["payment_id"]))["events"]
        assert "PDNG" in [event["iso_status"] for event in events]


async def test_a_wait_that_ends_before_the_payment_does_is_answered_202(own: Served) -> None:
    async with own.http() as http:
        headers = {"Idempotency-Key": "slow", "Prefer": "respond-async, wait=1"}
        answer = await http.post("/v1/payments", json=body_of(northbound()), headers=headers)
        assert answer.status_code == 202 and answer.json()["iso_status"] == "ACSP"
        assert answer.headers["Preference-Applied"] == "wait=1" and answer.headers["Location"].startswith(
            "/v1/payments/"
        )


async def test_what_a_rail_rejects_later_was_accepted_all_the_same(own: Served) -> None:
    async with own.http() as http, own.http(None) as operator:
        body, key = body_of(to_magic("REJECT-AC06")), {"Idempotency-Key": "rejected-later"}
        first = await http.post("/v1/payments", json=body, headers=key)
        await operator.post("/v1/sandbox/clock", json={"advance_seconds": 60, "settle": 5})
        again = await http.post("/v1/payments", json=body, headers=key)
        assert first.status_code == again.status_code == 202
        assert again.json()["iso_status"] == "RJCT" and again.headers["Idempotency-Replayed"] == "true"
        read = (await http.get(first.headers["Location"])).json()
    assert read["reason"]["code"] == "AC06" and read["debit_amount"]["amount"] == "100.00"
    assert {"payment-connect.northbound", "domestic.hong-kong"} <= {lane["lane"] for lane in read["lanes"]}


async def test_an_operator_ends_a_payment_in_doubt_and_only_such_a_one(own: Served) -> None:
    async with own.client() as client, own.http(None) as http, own.http() as participant:
        sent = await client.pay(body_of(to_magic("LATE-ACCEPT")))
        path = f"/v1/sandbox/payments/{sent['payment_id']}/decision"
        ask, second = {"event": "reject", "reason": "The rail is silent."}, {"Bayswitch-Operator": "Wong"}
        early = await http.post(path, json=ask)
        assert (early.status_code, early.json()["name"]) == (409, "not-in-doubt")
        await http.post("/v1/sandbox/clock", json={"advance_seconds": 300, "settle": 0.5})
        assert (await participant.post(path, json=ask)).status_code == 403
        assert (await http.post(path, json={"event": "reject"})).status_code == 400  # and why?
        assert (await http.post(path, json=ask, headers={"Bayswitch-Operator": "?"})).status_code == 400
        for _ in range(2):  # the same operator again confirms nothing
            proposed = await http.post(path, json=ask)
            assert proposed.status_code == 202 and proposed.json()["state"] == "open", proposed.text
        other = await http.post(path, json=ask | {"event": "settle"}, headers=second)
        assert (other.status_code, other.json()["name"]) == (409, "otherwise-proposed")
        assert (await client.payment(sent["payment_id"]))["iso_status"] == "PDNG"
        ended = await http.post(path, json=ask, headers=second)
        assert ended.status_code == 200 and ended.json()["iso_status"] == "RJCT"
        assert (await http.post(path, json=ask | {"event": "settle"})).status_code == 409
        [decided] = (await http.get(path)).json()["proposals"]
        assert (decided["proposed_by"], decided["decided_by"], decided["state"]) == ("operator", "Wong", "confirmed")
        asked = (await client.payment(sent["payment_id"]))["inquiries"]
        assert [each["answer"] for each in asked] == ["pending"] * len(asked) and asked[0]["rail"] == "ibps"
        assert (await participant.get(path)).status_code == 403
        messages = (await participant.get(f"/v1/payments/{sent['payment_id']}/messages")).json()["messages"]
        questions = [each["xml"] for each in messages if each["definition"].startswith("pacs.028")]
        assert len(questions) == len(asked) and all(sent["uetr"] in each for each in questions)


async def test_the_clock_decides_whether_a_lane_is_open(own: Served) -> None:
    async with own.client(PEARL) as client, own.operator() as operator:
        night = NOON.replace(hour=15, minute=30)  # 23:30 in the Bay Area
        clock = await operator.move_clock(night.isoformat())
        assert clock["now"].startswith("2026-03-05T15:30") and clock["rate"] == 0
        with pytest.raises(Problem) as caught:
            await client.pay(body_of(southbound()))
        assert caught.value.code == "TM01" and caught.value.members["opens_at"].startswith("2026-03-06T07:00")
        assert (await operator.resume_clock(60))["rate"] == 60
        assert (await operator.stop_clock())["rate"] == 0
        with pytest.raises(Problem, match="only moves forward"):
            await operator.move_clock(NOON.isoformat())


async def test_a_fault_of_a_rail_is_switched_on_and_off(own: Served) -> None:
    async with own.http(None) as http, own.client() as client:
        path = "/v1/sandbox/rails/ibps/faults"
        assert (await http.get(path)).json()["outage"] is False
        assert (await http.post(path, json={"outage": True})).json()["outage"] is True
        sent = await client.pay(body_of(northbound()))
        await http.post("/v1/sandbox/clock", json={"advance_seconds": 30, "settle": 0.3})
        ended = await client.payment(sent["payment_id"])  # past its deadline, and the rail surely has nothing of it
        assert (ended["iso_status"], ended["reason"]["code"], ended["reason"]["name"]) == (
            "RJCT",
            "AB03",
            "switch-time-out",
        )
        assert (await http.post(path, json={})).json()["outage"] is False
        after = await client.pay(body_of(northbound(instruction_id="AFTER")), wait_seconds=0)
        await http.post("/v1/sandbox/clock", json={"advance_seconds": 600, "settle": 5})
        assert (await client.payment(after["payment_id"]))["iso_status"] == "ACCC"


async def test_a_late_acceptance_is_seen_by_its_participant_and_by_operators(own: Served) -> None:
    async with own.client() as client, own.operator() as operator, own.http(None) as http:
        sent = await client.pay(body_of(to_magic("LATE-ACCEPT", amount="8000.00")))
        payment_id = sent["payment_id"]
        await http.post("/v1/sandbox/clock", json={"advance_seconds": 120, "settle": 5})
        assert (await client.payment(payment_id))["exceptions"] == []
        await operator.decide(payment_id, "reject", "Chan")
        await operator.decide(payment_id, "reject", "Wong")
        await http.post("/v1/sandbox/clock", json={"advance_seconds": 4000, "settle": 5})
        payment = await client.payment(payment_id)
        listed = (await http.get("/v1/exceptions")).json()
        assert payment["iso_status"] == "RJCT"
        [found] = payment["exceptions"]
        assert listed == {"exceptions": [found], "cursor": None}
        assert (await operator.payment(payment_id))["exceptions"] == [found]
        assert (
            found["kind"] == "late-acceptance"
            and found["at"]
            and (found["rail"], found["said"]) == ("ibps", "credited")
        )
        settlement = payment["settlement_amount"]["amount"]
        assert f"the creditor agent has CNY {settlement}" in found["text"]
        assert f"It counts, whatever the limits say: HKD 8000.00 of {DAY}" in found["text"]
        assert found["used"][0] == {"rule": DAY, "amount": "8000.00", "currency": "HKD"}
        with pytest.raises(Problem, match="RR04"):
            await client.pay(body_of(northbound("8000.00")))
        events = (await client.payment_events(payment_id))["events"]
        assert [event["record"] for event in events][-3:] == ["payment", "abort", "exception"]
        assert (events[-1]["kind"], events[-1]["state"], events[-1]["n"]) == ("late-acceptance", "open", None)
        assert {event["iso_status"] for event in events[-3:]} == {"RJCT"}

        path = f"/v1/exceptions/{payment_id}/late-acceptance/resolution"
        ask = {"resolution": "honoured", "reason": "The debtor agent pays."}
        assert (await http.post(path, json=ask)).status_code == 202
        assert (await http.post(path, json=ask | {"resolution": "forgotten"})).status_code == 400
        assert (await http.post(path.replace("late-acceptance", "odd"), json=ask)).status_code == 404
        resolved = await http.post(path, json=ask, headers={"Bayswitch-Operator": "Wong"})
        assert (resolved.json()["state"], resolved.json()["resolution"]) == ("resolved", "honoured"), resolved.text
        assert (await client.payment(payment_id))["exceptions"] == [resolved.json()]
        assert (await http.get("/v1/exceptions?state=open")).json()["exceptions"] == []
        assert (await http.get("/v1/exceptions?state=resolved")).json()["exceptions"] == [resolved.json()]
        assert (await http.get("/v1/exceptions?state=odd")).status_code == 400
        last = (await client.payment_events(payment_id))["events"][-1]
        assert (last["record"], last["kind"], last["state"]) == ("exception", "resolved", "resolved")
    async with own.http() as participant:
        assert (await participant.get("/v1/exceptions")).status_code == 403
        assert (await participant.post(path, json=ask)).status_code == 403


async def test_exception_records_are_paged_newest_first(own: Served) -> None:
    async with own.client() as client, own.http(None) as http, own.operator() as operator:
        for person in (1, 2, 3):
            sent = await client.pay(body_of(to_magic("LATE-ACCEPT", person=person)))
            await http.post("/v1/sandbox/clock", json={"advance_seconds": 120, "settle": 5})
            for name in ("Chan", "Wong"):
                await operator.decide(sent["payment_id"], "reject", name)
        await http.post("/v1/sandbox/clock", json={"advance_seconds": 4000, "settle": 5})
        whole = (await http.get("/v1/exceptions")).json()["exceptions"]
        first = (await http.get("/v1/exceptions?limit=2")).json()
        rest = (await http.get(f"/v1/exceptions?limit=2&cursor={first['cursor']}")).json()
        assert (await http.get("/v1/exceptions?cursor=x")).status_code == 400
    assert len(whole) == 3 and first["exceptions"] + rest["exceptions"] == whole and rest["cursor"] is None
    assert [record["at"] for record in whole] == sorted((record["at"] for record in whole), reverse=True)


async def test_one_key_twice_in_a_batch_is_one_payment_or_another_content(own: Served) -> None:
    person = a_new_person()
    one, other = body_of(northbound("10.00", person=person)), body_of(northbound("11.00", person=person))
    refused = body_of(northbound("10000.01", person=person))
    items = [
        {"idempotency_key": f"twice{person}{key}", "instruction": body}
        for key, body in (("a", one), ("a", one), ("a", other), ("b", refused), ("b", refused))
    ]
    async with own.http() as http:
        answer = (await http.post("/v1/payments/batch", json={"items": items})).json()
        again = (await http.post("/v1/payments/batch", json={"items": items})).json()
        listed = (await http.get("/v1/payments")).json()["payments"]
    shown = [(item["http_status"], item["replayed"], item["retry_after"]) for item in answer["items"]]
    assert shown == [(202, False, None), (202, True, None), (422, False, None), (422, False, None), (422, True, None)]
    first, second, differs, *both = answer["items"]
    assert first["payment"]["payment_id"] == second["payment"]["payment_id"]
    assert differs["problem"]["code"] == "DU03" and "instructed_amount.amount" in differs["problem"]["fields"]
    assert both[0]["problem"] == both[1]["problem"] and both[0]["problem"]["code"] == "RR04"
    assert (answer["accepted"], answer["refused"], answer["replayed"]) == (2, 3, 2)
    assert (again["accepted"], again["refused"], again["replayed"]) == (2, 3, 4)
    assert {each["payment_id"] for each in listed} == {first["payment"]["payment_id"], both[0]["problem"]["payment_id"]}
