"""The items of the balance of payments that a classification row may name: BPM6's skeleton, as a table of known items.

Only words: which payment belongs to which item is data (rulebook/classification). An item is known whole, in kebab-case
below its account; one that is not here does not load. Errors and omissions are no item of a payment. Source: facts 5.1.
"""

from collections.abc import Mapping
from types import MappingProxyType

CURRENT, CAPITAL, FINANCIAL = "current", "capital", "financial"
# What an entry may be in each account: flows are debits and credits, the financial account has assets and liabilities.
SIDES: Mapping[str, frozenset[str]] = MappingProxyType({
    CURRENT: frozenset({"debit", "credit"}),
    CAPITAL: frozenset({"debit", "credit"}),
    FINANCIAL: frozenset({"asset", "liability"}),
})  # fmt: skip

_SKELETON = {
    CURRENT: """
        goods.general-merchandise goods.merchanting goods.non-monetary-gold
        services services.manufacturing services.maintenance-and-repair
        services.transport services.transport.freight services.transport.passenger services.transport.postal-and-courier
        services.travel services.travel.business services.travel.health services.travel.education
        services.travel.other-personal
        services.construction services.insurance-and-pension services.financial services.intellectual-property-charges
        services.telecommunications services.computer services.information
        services.other-business services.other-business.research-and-development
        services.other-business.professional-and-management-consulting
        services.other-business.technical-trade-related-and-other
        services.personal-cultural-and-recreational services.government
        primary-income.compensation-of-employees
        primary-income.investment-income
        primary-income.investment-income.direct-investment.dividends
        primary-income.investment-income.direct-investment.interest
        primary-income.investment-income.portfolio-investment.dividends
        primary-income.investment-income.portfolio-investment.interest
        primary-income.investment-income.other-investment.interest
        primary-income.investment-income.reserve-assets primary-income.other
        secondary-income.current-taxes secondary-income.social-contributions secondary-income.social-benefits
        secondary-income.non-life-insurance-premiums secondary-income.non-life-insurance-claims
        secondary-income.international-cooperation secondary-income.personal-transfers
        secondary-income.other-current-transfers
    """,
    CAPITAL: "capital.non-produced-non-financial-assets capital.transfers",
    FINANCIAL: """
        direct-investment.equity direct-investment.equity.real-estate direct-investment.debt-instruments
        portfolio-investment portfolio-investment.equity-and-investment-fund-shares portfolio-investment.debt-securities
        financial-derivatives
        other-investment other-investment.other-equity other-investment.deposits other-investment.loans
        other-investment.insurance-and-pension other-investment.trade-credit other-investment.other
        reserve-assets
    """,
}
# Item -> its account. Two short names are kept: other-investment.deposits is BPM6's "currency and deposits", and
# services.telecommunications one third of "telecommunications, computer and information services".
ITEMS: Mapping[str, str] = MappingProxyType({
    item: account for account, items in _SKELETON.items() for item in items.split()
})  # fmt: skip


def within(item: str, group: str) -> bool:
    """Whether an item is `group` or lies below it: services.travel.health lies within services.travel."""
    return item == group or item.startswith(f"{group}.")


def spoken(item: str) -> str:
    """Write an item as people read it: "primary income, compensation of employees"."""
    return ", ".join(part.replace("-", " ") for part in item.split("."))
