"""One bad item never fails the batch (design 2): an error that is nobody's in particular is halved down to whose it is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from switch.flow.ports import StoreUnavailable

T = TypeVar("T")


async def culprits_of(batch: Sequence[T], work: Callable[[Sequence[T]], Awaitable[None]]) -> list[tuple[T, Exception]]:
    """Do the work of a batch, which must bear being done twice; return the items it failed for, each with its error.

    Raises StoreUnavailable: that is nobody's fault, and all is to be done again.
    """
    try:
        await work(batch)
    except StoreUnavailable:
        raise
    except Exception as error:
        if len(batch) == 1:
            return [(batch[0], error)]
        half = len(batch) // 2
        return await culprits_of(batch[:half], work) + await culprits_of(batch[half:], work)
    return []
