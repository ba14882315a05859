"""What no schema can check of statuses, inquiries, returns and recalls: refused by code and element."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from message_strategies import BICS, CHARGES, DAYS, SYSTEMS, UETRS, maybe
from test_message_set import FOLDER, needs_schemas

from rails.messages import MessageError, build_pacs008, read_pacs008
from rails.messages.codes import load_codes
from rails.messages.elements import ClearingSystem
from rails.messages.kinds import KINDS, read_any
from rails.messages.model import PACS_008S, AgentAccount, AgreedRate, CreditTransfer, InterbankDetails

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "messages"
RULES = [
    ("pacs.002.001.10", "<Rsn><Cd>AC04</Cd></Rsn>", "", "CH21", "TxInfAndSts[1]/StsRsnInf/Rsn/Cd"),
    ("pacs.002.001.10", ">1382.25<", ">1382.255<", "CH20", "TxInfAndSts[1]/OrgnlTxRef/IntrBkSttlmAmt"),
    ("pacs.002.001.15", "<MsgId>ANS-1", "<MsgId>/ANS-1", "RR10", "GrpHdr/MsgId"),
    ("pacs.028.001.03", "<OrgnlMsgId>MSG-1", "<OrgnlMsgId>MSG//1", "RR10", "TxInf[1]/OrgnlGrpInf/OrgnlMsgId"),
    ("pacs.028.001.06", "-4000-8000-", "-1000-8000-", "FF01", "TxInf/OrgnlUETR"),
    ("pacs.028.001.06", ">1500.00<", ">1500.001<", "CH20", "TxInf[1]/OrgnlIntrBkSttlmAmt"),
    ("pacs.004.001.09", "<NbOfTxs>1<", "<NbOfTxs>2<", "AM18", "GrpHdr/NbOfTxs"),
    ("pacs.004.001.09", "</NbOfTxs>", '</NbOfTxs><TtlRtrdIntrBkSttlmAmt Ccy="HKD">1</TtlRtrdIntrBkSttlmAmt>', "AM10", "GrpHdr/TtlRtrdIntrBkSttlmAmt"),
    ("pacs.004.001.09", "<RtrId>RTN-1-1", "<RtrId>RTN-1-1/", "RR10", "TxInf[1]/RtrId"),
    ("pacs.004.001.14", "<Cd>FOCR<", "<Cd>XXXX<", "CH16", "TxInf[1]/RtrRsnInf/Rsn/Cd"),
    ("pacs.004.001.14", "<Rsn><Cd>FOCR</Cd></Rsn>", "", "CH21", "TxInf[1]/RtrRsnInf/Rsn/Cd"),
    ("pacs.004.001.14", "<Cd>FOCR</Cd>", "<Prtry>FOCR</Prtry>", "CH21", "TxInf/RtrRsnInf/Rsn/Cd"),
    ("pacs.004.001.14", '<RtrdIntrBkSttlmAmt Ccy="HKD">490.00', '<RtrdIntrBkSttlmAmt Ccy="HKD">490.005', "CH20", "TxInf[1]/RtrdIntrBkSttlmAmt"),
    ("pacs.004.001.14", '<RtrdIntrBkSttlmAmt Ccy="HKD">490.00', '<RtrdIntrBkSttlmAmt Ccy="HKD">0', "AM01", "TxInf[1]/RtrdIntrBkSttlmAmt"),
    ("pacs.004.001.14", '<RtrdIntrBkSttlmAmt Ccy="HKD">490.00', '<RtrdIntrBkSttlmAmt Ccy="HKD">1500.01', "AM09", "TxInf[1]/RtrdIntrBkSttlmAmt"),
    ("camt.056.001.08", "<NbOfTxs>1<", "<NbOfTxs>3<", "AM18", "CtrlData/NbOfTxs"),
    ("camt.056.001.08", "<Cd>DUPL<", "<Cd>FOCR<", "CH16", "Undrlyg[1]/TxInf/CxlRsnInf/Rsn/Cd"),
    ("camt.056.001.11", '<RequestedAmount Ccy="CNY">500.00', '<RequestedAmount Ccy="XXX">500.00', "AM03", "Undrlyg[1]/TxInf/SplmtryData/Envlp/Recall/RequestedAmount"),
    ("camt.056.001.11", "<Id>RCL-1<", "<Id>RCL/<", "RR10", "Assgnmt/Id"),
    ("camt.029.001.09", "<Cd>NOAS<", "<Cd>DUPL<", "CH16", "CxlDtls/TxInfAndSts[1]/CxlStsRsnInf/Rsn/Cd"),
    ("camt.029.001.13", "<Conf>RJCR<", "<Conf>CNCL<", "CH16", "CxlDtls/TxInfAndSts[1]/TxCxlSts"),
    ("camt.029.001.13", "<Conf>RJCR<", "<Conf>CONF<", "FF01", "Sts/Conf"),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "old", "new", "code", "field"), RULES)
def test_a_message_that_breaks_a_rule_is_refused_by_code_and_element(
    definition: str, old: str, new: str, code: str, field: str
) -> None:
    body = (EXAMPLES / f"{definition}.xml").read_text("utf-8")
    assert old in body
    with pytest.raises(MessageError) as caught:
        read_any(body.replace(old, new).encode())
    assert (caught.value.code, caught.value.field.partition("/")[2]) == (code, field), caught.value
    assert caught.value.sender


@pytest.mark.parametrize("definition", ["pacs.028.001.06", "pacs.004.001.09", "camt.056.001.11", "camt.029.001.13"])
def test_a_message_that_names_no_payment_is_refused(definition: str) -> None:
    root = etree.parse(EXAMPLES / f"{definition}.xml").getroot()
    for name in ("OrgnlUETR", "OrgnlEndToEndId"):
        for element in root.findall(".//{*}" + name):
            parent = element.getparent()
            assert parent is not None
            parent.remove(element)
    with pytest.raises(MessageError) as caught:
        read_any(etree.tostring(root))
    assert caught.value.code == "CH21" and caught.value.field.endswith("OrgnlUETR")


def test_a_refusal_is_answered_by_the_messages_own_id() -> None:
    for definition, own in (("pacs.004.001.09", "RTN-1"), ("camt.056.001.08", "RCL-1"), ("camt.029.001.13", "RES-1")):
        body = (EXAMPLES / f"{definition}.xml").read_text("utf-8")
        for broken in (
            body.replace("<OrgnlUETR>", "<x/><OrgnlUETR>"),
            body.replace("<OrgnlEndToEndId>", "<OrgnlEndToEndId>/"),
        ):
            with pytest.raises(MessageError) as caught:
                read_any(broken.encode())
            assert caught.value.message_id == own


def test_a_return_id_stands_once_in_a_message() -> None:
    body = (EXAMPLES / "pacs.004.001.14.xml").read_text("utf-8")
    one = body[body.index("<TxInf>") : body.index("</TxInf>") + len("</TxInf>")]
    with pytest.raises(MessageError) as caught:
        read_any(body.replace(one, one + one).replace("<NbOfTxs>1", "<NbOfTxs>2").encode())
    assert (caught.value.code, caught.value.field) == ("DU05", "PmtRtr/TxInf[2]/RtrId")


@pytest.mark.parametrize("text", ["2026-03-03T09:00:00+08:00", "2026-03-03T01:00:00"])
def test_the_oldest_header_takes_instants_in_utc_only(text: str) -> None:
    body = (EXAMPLES / "admi.002.001.01.xml").read_text("utf-8")
    with pytest.raises(MessageError) as caught:
        read_any(body.replace("<CreDt>2026-03-03T01:00:00.100Z", f"<CreDt>{text}").encode())
    assert (caught.value.code, caught.value.field) == ("FF01", "AppHdr/CreDt")


def test_another_kind_of_message_than_is_asked_for_is_refused_by_name() -> None:
    body = (EXAMPLES / "camt.056.001.08.xml").read_bytes()
    with pytest.raises(MessageError, match="Send one of") as caught:
        read_pacs008(body)
    assert caught.value.code == "FF01" and set(KINDS) > set(PACS_008S)


@needs_schemas
@pytest.mark.parametrize("name", ["return_reason", "cancellation_reason"])
def test_every_reason_of_ours_is_in_the_external_code_set(name: str) -> None:
    theirs = json.loads((Path(FOLDER).parent / "codes" / f"external_{name}_code.json").read_text("utf-8"))["codes"]
    assert getattr(load_codes(), f"{name}s") <= set(theirs)


ACCOUNTS = st.from_regex(r"[A-Za-z0-9\-]{1,34}", fullmatch=True)
AGENTS = st.builds(AgentAccount, BICS, maybe(ACCOUNTS))
RATES = st.sampled_from(["0.9215", "1", "1085.0000001"])
DETAILS = st.builds(
    InterbankDetails,
    maybe(st.sampled_from(["HIGH", "NORM"])), maybe(DAYS), maybe(RATES),
    maybe(st.builds(AgreedRate, RATES, maybe(st.just("HKD")), maybe(st.just("CNY")), maybe(UETRS))), CHARGES,
    maybe(AGENTS), maybe(BICS), maybe(BICS), st.lists(AGENTS, max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(details=DETAILS, version=st.sampled_from(PACS_008S), system=maybe(SYSTEMS), agent=maybe(BICS))
def test_what_agents_between_say_of_a_transfer_is_read_back(
    plain_transfer: CreditTransfer,
    details: InterbankDetails,
    version: str,
    system: ClearingSystem | None,
    agent: str | None,
) -> None:
    if version == PACS_008S[0]:
        details = details._replace(agreed_rate=None)
    sent = plain_transfer._replace(interbank=details, quote_id="Q-1")
    body = build_pacs008(
        [sent], message_id="M", created_at="2026-03-03T01:00:00Z", definition=version, instructing_agent=agent,
        instructed_agent=agent, clearing_system=system,
    )  # fmt: skip
    read = read_any(body)
    assert read.refused == ()
    assert read.transfers == (sent._replace(interbank=details if details != InterbankDetails() else None),)
    assert (read.instructing_agent, read.instructed_agent, read.clearing_system) == (agent, agent, system)


@pytest.fixture(scope="module")
def plain_transfer() -> CreditTransfer:
    read = read_any((EXAMPLES / "pacs.008.001.08.xml").read_bytes())
    transfer: CreditTransfer = read.transfers[0]
    return transfer


def test_a_rate_of_the_senders_needs_a_quote_of_the_switch() -> None:
    body = (EXAMPLES / "pacs.008.001.13.xml").read_text("utf-8")
    (refused,) = read_any(body.replace("<QuoteId>Q-1</QuoteId>", "").encode()).refused
    assert (refused.error.code, refused.error.field) == ("AB04", "FIToFICstmrCdtTrf/CdtTrfTxInf[1]/AgrdRate")


def test_a_charge_may_be_nothing_but_not_a_part_of_a_cent() -> None:
    body = (EXAMPLES / "pacs.008.001.13.xml").read_text("utf-8")
    assert read_any(body.encode()).refused == ()
    (refused,) = read_any(body.replace('<Amt Ccy="HKD">0.00', '<Amt Ccy="HKD">0.001').encode()).refused
    assert (refused.error.code, refused.error.field.rpartition("CdtTrfTxInf[1]/")[2]) == ("CH20", "ChrgsInf[1]/Amt")


@pytest.mark.parametrize("old", ["<Cd>GIFT</Cd>", "<Cd>GP2P</Cd>"])
def test_a_proprietary_word_for_a_code_is_a_code_missing(old: str) -> None:
    body = (EXAMPLES / "pacs.008.001.13.xml").read_text("utf-8")
    with pytest.raises(MessageError) as caught:
        read_any(body.replace(old, old.replace("Cd", "Prtry")).encode())
    assert caught.value.code == "CH21" and caught.value.field.endswith("/Cd")
