"""What the codes mean that rails and creditor agents reject with, each with what to do; a code not here is shown by itself.

Codes and meanings are of ExternalStatusReason1Code (facts messages 3.2), in our words; what to do is ours (assumed). Pure.
"""

from collections.abc import Mapping
from types import MappingProxyType

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "AB03": "It was stopped by a time-out. Nothing was paid; send it again as a new payment.",
        "AB05": "The creditor agent did not answer in time. Nothing was paid; send it again as a new payment.",
        "AB08": "The creditor agent is offline. Nothing was paid; send it again later as a new payment.",
        "AC01": "The account number is wrong or malformed. Ask the creditor for it.",
        "AC03": "The creditor's account number is invalid or missing. Ask the creditor for it.",
        "AC04": "The account is closed. Ask the creditor for another one.",
        "AC06": "The account is blocked. Ask the creditor for another one.",
        "AC07": "The creditor's account is closed. Ask the creditor for another one.",
        "AC14": "The creditor's account is of a type that does not take this payment. Ask the creditor for another one.",
        "AG09": "The rail never received it. Nothing was paid; send it again as a new payment.",
        "AM04": "The funds do not suffice. Send less, or have the account funded.",
        "AM14": "The amount is above what the creditor's agent has agreed with its client. Send less.",
        "AM23": "The amount is above what the settling agent covers. Send less, or send it again later.",
        "BE01": "The name does not match the account. Send the name as the creditor's bank has it.",
        "BE23": "The proxy is not registered. Ask the creditor, or use the account number.",
        "CNOR": "The creditor's bank is not registered with the scheme. Use another bank of the creditor.",
        "MS03": "The creditor agent gives no reason. Ask the creditor to ask its bank.",
        "RR04": "A regulatory reason, and no more is said. Ask the creditor to ask its bank.",
        "RR10": "The text holds characters that are not taken. Write it in Latin letters.",
    }
)


def meaning(code: str) -> str:
    """Say what a code means and what to do, in words that are right for any code."""
    return MEANINGS.get(code, f"Its reason is {code} of ExternalStatusReason1Code. Ask the creditor agent.")
