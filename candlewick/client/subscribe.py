"""`subscribe`: a topic by its name, as typed records."""

from collections.abc import Iterable
from typing import Any, Literal, TypedDict, Unpack, overload

from candlewick.client.find_stack import nearby_settings
from candlewick.client.start_position import Start, check_start
from candlewick.client.subscription import Subscription
from candlewick.client.wish import Wish
from clients.kafka.follower import topic_named
from schemas.codecs import Record
from schemas.coins import Coin, CoinDay
from schemas.errors import ConfigurationError
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.topics import Topic

_CANDLES = Literal["market.candles.v1", "market.candles-live.v1", "market.klines.v1"]


class _Options(TypedDict, total=False):
    symbols: Iterable[str]
    start: Start
    group: str | None
    follow: bool
    servers: str | None


@overload
def subscribe(topic: _CANDLES, **options: Unpack[_Options]) -> Subscription[Candle]: ...
@overload
def subscribe(
    topic: Literal["market.trades.v1"], **options: Unpack[_Options]
) -> Subscription[TradeBlock]: ...
@overload
def subscribe(
    topic: Literal["model.predictions.v1"], **options: Unpack[_Options]
) -> Subscription[Prediction]: ...
@overload
def subscribe(
    topic: Literal["model.scores.v1"], **options: Unpack[_Options]
) -> Subscription[Score]: ...
@overload
def subscribe(
    topic: Literal["model.versions.v1"], **options: Unpack[_Options]
) -> Subscription[ModelVersion]: ...
@overload
def subscribe(
    topic: Literal["market.gaps.v1"], **options: Unpack[_Options]
) -> Subscription[Gap]: ...
@overload
def subscribe(
    topic: Literal["market.coins.v1"], **options: Unpack[_Options]
) -> Subscription[Coin]: ...
@overload
def subscribe(
    topic: Literal["market.coin-days.v1"], **options: Unpack[_Options]
) -> Subscription[CoinDay]: ...
@overload
def subscribe(topic: str, **options: Unpack[_Options]) -> Subscription[Record]: ...
def subscribe(
    topic: str,
    *,
    symbols: Iterable[str] = (),
    start: Start = "latest",
    group: str | None = None,
    follow: bool = True,
    servers: str | None = None,
) -> Subscription[Any]:
    """Read a topic as records of its type, in the order of each key.

    Args:
        topic: For example ``market.candles.v1``; ``docs/topics.md`` has them all.
        symbols: Only these pairs; all where none is named.
        start: ``beginning``; ``latest``, what is written after this call; a moment with a time
            zone, by when records were written; or offsets by partition, others from their
            beginning. In a group only where it has read nothing yet.
        group: Name of a consumer group, which remembers what it has read and shares the
            partitions among its members. Without one nothing is remembered.
        follow: False ends once everything that is there was read.
        servers: Brokers, host:port. Left out: the environment, or else the stack of this
            folder or of one above it.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: There is no such topic, start or offset.
    """
    found = topic_named(topic)
    if found.record is None:
        raise ConfigurationError(f"{found.name} has no records of one type: `candlewick tail`")
    check_start(start)
    wish = Wish(
        servers=servers or nearby_settings().kafka.bootstrap_servers,
        topic=found,
        keys=_keys(found, symbols),
        start=start,
        group=group,
        follow=follow,
    )
    return Subscription(found.record, wish)


def _keys(topic: Topic, symbols: Iterable[str]) -> frozenset[bytes]:
    names = [symbols] if isinstance(symbols, str) else symbols
    keys = frozenset(name.upper().encode() for name in names)
    if keys and topic.key != "symbol":
        raise ConfigurationError(
            f"the key of {topic.name} is {topic.key}: leave symbols out and choose from the records"
        )
    return keys
