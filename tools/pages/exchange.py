"""Generator of `docs/exchange.md`: what the simulated exchange answers, from its own lists."""

from typing import Final

from candlewick.exchange.market.intervals import INTERVALS
from candlewick.exchange.server.answered import ANSWERED
from candlewick.exchange.streams.names import STREAMS
from tools.pages.texts import EXCHANGE_ARCHIVES, EXCHANGE_HEAD, EXCHANGE_STREAMS

_COLUMNS: Final = "| path | parameters | weight | answers |\n|---|---|---|---|\n"


def exchange_page() -> str:
    """Build `docs/exchange.md`."""
    paths = "".join(
        f"| `{path.name}` | {_listed(path.parameters)} | {path.weight} | {path.about} |\n"
        for path in ANSWERED.values()
    )
    streams = "".join(f"| `{name}` | {about} |\n" for name, about in STREAMS.items())
    head = EXCHANGE_HEAD.format(intervals=_listed(tuple(INTERVALS)))
    return head + _COLUMNS + paths + EXCHANGE_STREAMS + streams + EXCHANGE_ARCHIVES


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
