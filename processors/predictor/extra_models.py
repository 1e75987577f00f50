"""Models of others in a live predictor: their own replay, and their processes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from processors.extra.host import Host, host_of
from processors.extra.process import Fault
from processors.extra.specification import Specification
from processors.predictor.warm_start import Warmed

_POLL_S = 0.2


class ExtraModels:
    """Replays a symbol with the models of others, and starts their processes here meanwhile."""

    def __init__(
        self, specified: Sequence[Specification], warm: Callable[[str, int], Awaitable[Warmed]]
    ) -> None:
        self._warm = warm
        self._hosts = [host_of(one) for one in specified]
        for host in self._hosts:
            host.patient = False

    async def __call__(self, symbol: str, until_ms: int) -> Warmed:
        """Return the state before the candle that opens at ``until_ms``, ready to be asked."""
        for host in self._hosts:
            _is_settled(host)
        warmed = await self._warm(symbol, until_ms)
        while True:
            if all(map(_is_settled, self._hosts)):
                return warmed
            await asyncio.sleep(_POLL_S)


def _is_settled(host: Host) -> bool:
    """Return whether a process has started or will not; start it if need be."""
    with suppress(Fault):
        return host.is_ready() or bool(host.given_up)
    return bool(host.given_up)
