"""`subscribe`: opens a topic by name and reads it as typed records."""

from collections.abc import Iterable
from typing import Any, Literal, TypedDict, Unpack, overload

from candlewick.client.find_stack import nearby_settings
from candlewick.client.request import SubscriptionRequest
from candlewick.client.start_position import Start, check_start
from candlewick.client.subscription import Subscription
from clients.kafka.follower import topic_named
from schemas.codecs import Record
from schemas.coins import Coin, CoinDay
from schemas.errors import ConfigurationError
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.settings import load_settings
from schemas.topics import Topic

_CANDLES = Literal[
    "market.candles.v1", "market.candles-1s.v1", "market.candles-live.v1", "market.klines.v1"
]


class _Options(TypedDict, total=False):
    symbols: Iterable[str]
    start: Start
    group: str | None
    follow: bool
    replayed: bool
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
    replayed: bool = False,
    servers: str | None = None,
) -> Subscription[Any]:
    """Read a topic as typed records, in order within each key.

    Args:
        topic: For example ``market.candles.v1``; ``docs/topics.md`` lists all topics.
        symbols: Read only these pairs; default: all.
        start: ``beginning``; ``latest``, records written after this call; a datetime with a time
            zone, compared with the time a record was written; or offsets by partition, where a
            partition left out starts at its beginning. A group goes on where it stopped instead;
            if that is no longer stored, it takes this start, but with ``latest`` it fails.
        group: Name of a consumer group, which remembers its position and shares the partitions
            among its members. Without a group no position is remembered.
        follow: If False, stop after the last record that is there when reading begins.
        replayed: Also return records of the past that a replay made: candles of
            ``candlewick backfill --trades``, and scores of the first start.
        servers: Brokers, host:port. Default: the environment, else the stack of the working
            directory or of a folder above it. How to sign in is always the environment's.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: The topic, the start or an offset does not exist.
    """
    found = topic_named(topic)
    if found.record is None:
        raise ConfigurationError(f"{found.name} has no records of one type: use `candlewick tail`")
    check_start(start)
    kafka = (load_settings() if servers else nearby_settings()).kafka
    wish = SubscriptionRequest(
        kafka=kafka.model_copy(update={"bootstrap_servers": servers}) if servers else kafka,
        topic=found,
        keys=_keys(found, symbols),
        start=start,
        group=group,
        follow=follow,
        replayed=replayed,
    )
    return Subscription(found.record, wish)


def _keys(topic: Topic, symbols: Iterable[str]) -> frozenset[bytes]:
    names = [symbols] if isinstance(symbols, str) else symbols
    keys = frozenset(name.upper().encode() for name in names)
    if keys and topic.key != "symbol":
        raise ConfigurationError(
            f"the key of {topic.name} is {topic.key}: leave symbols out and filter the records"
        )
    return keys
