"""The world a worker decides in: clock, law, participants, persons, rails, rates, providers; views of it by law day.

Built by main.py (or a test); nothing here opens anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from fx.providers import Provider
from fx.rates import Rates
from limits.calendars import law_day
from limits.rules import Rulebook
from rails.port import Rail
from switch.clock import BusinessClock
from switch.flow.sealing import Sealer
from switch.participants.registry import Registry
from switch.payment.decide import View
from switch.payment.route import Router
from switch.translate.facts import Known

_VIEWS_MAX = 8  # law days in play at once: today and its neighbours


@dataclass
class World:
    """One sandbox's world; `generation` is the fence's, as this worker last saw it."""

    sandbox: str
    clock: BusinessClock
    registry: Registry
    known: Known
    rulebook: Rulebook
    rails: Mapping[str, Rail]
    rates: Rates
    providers: tuple[Provider, ...]
    sealer: Sealer
    generation: int = 1
    _views: dict[date, View] = field(default_factory=dict)

    def view(self, at: datetime) -> View:
        """Return what a decision at `at` may look at: the law of its day."""
        day = law_day(at)
        view = self._views.get(day)
        if view is None:
            if len(self._views) >= _VIEWS_MAX:
                self._views.clear()
            rules = self.rulebook.on(day)
            view = self._views[day] = View(
                rules, self.rulebook.id, self.registry.participants, self.rails, self.rates, self.providers,
                Router(self.rails, rules),
            )  # fmt: skip
        return view

    def take_rulebook(self, rulebook: Rulebook) -> None:
        """Go on under another rulebook; payments of a batch are never judged by two (the fence's generation sees to it)."""
        self.rulebook = rulebook
        self._views.clear()
