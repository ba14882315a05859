"""Counts what was sent on the demo's day and what was answered, so that its numbers can be added up against the books."""

from typing import Any

from bayswitch.player import Said, key_of


class Tally:
    """What became of the lines of a day by the answers alone; what the switch's books say is asked elsewhere."""

    def __init__(self) -> None:
        self.questions = 0  # lines that ask for no payment: quotes, headroom, looks, an operator's word
        self.instructions = 0
        self.repeated = 0  # a known key with the same content: answered again, paid once
        self.turned_away: list[str] = []  # no payment of their own: what each was told
        self._keys: set[tuple[Any, ...]] = set()

    @property
    def payments(self) -> int:
        """Return how many payments the switch should have in its books."""
        return self.instructions - self.repeated - len(self.turned_away)

    def take(self, said: Said) -> None:
        """Count one line with its answer."""
        line = said.line
        if "action" in line:
            self.questions += 1
            return
        self.instructions += 1
        key = (line.get("participant") or line["instruction"]["debtor_agent"], line.get("via"), key_of(line))
        if said.problem is not None and not said.payment_id:
            self.turned_away.append(
                f"{said.problem.get('code') or said.problem.get('status')} {said.problem.get('name')}"
            )
        elif said.message is not None and said.message.get("scope") == "message":
            self.turned_away.append(f"{said.message.get('code', '')} message")
        elif key in self._keys:
            self.repeated += 1
        else:
            self._keys.add(key)
