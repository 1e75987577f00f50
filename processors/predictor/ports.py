"""What the predictor needs of the world: states from the past, and a way out for its results."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from processors.predictor.warm_start import Warmed
from schemas.predictions import ModelVersion, Prediction, Score

if TYPE_CHECKING:
    import asyncio

Record = Prediction | Score | ModelVersion
Done = Callable[[], Awaitable[object]]
Acknowledgements = Collection["asyncio.Future[Any]"]


class Warmer(Protocol):
    """Makes a symbol's state from stored candles."""

    async def __call__(
        self, symbol: str, until_ms: int, bars: int = 0, scored_ms: int = 0, /
    ) -> Warmed | None:
        """Return the state before the candle that opens at ``until_ms``.

        Returns None if ``bars`` candles are known already and the store has no more. Scores of
        candles that opened until ``scored_ms`` are published, whatever the store has.
        """


class Looker(Protocol):
    """Looks into the store, which may take as long as the store needs."""

    async def __call__(self, symbol: str, until_ms: int, bars: int, /) -> bool:
        """Return whether the store has so many more than ``bars`` candles that a replay pays."""


class ExtraWarmer(Protocol):
    """Makes a symbol's state with the models of others, which may take long."""

    async def __call__(self, symbol: str, until_ms: int, /) -> Warmed:
        """Return the state before the candle that opens at ``until_ms``."""


class Outlet(Protocol):
    """Destination of the results."""

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        """Send records, each to the topic of its type; return what is done when Kafka has them."""
