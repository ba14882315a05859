"""Numbers of mainland bank cards: 16 to 19 digits of which the last is Luhn's (facts messages 2.5).

Only cards have it: a corporate account runs to 32 characters and has no common check.
"""

from stdnum import luhn

CARD_DIGITS = range(16, 20)


def check_card(number: str) -> str | None:
    """Say what is wrong with a card number without separators, None when nothing is."""
    if not (number.isascii() and number.isdigit() and len(number) in CARD_DIGITS):
        return "A bank card of the mainland has 16 to 19 digits"
    if not luhn.is_valid(number):
        return "The last digit of the card number, Luhn's check, is wrong"
    return None
