"""The subscriptions of one connection, and the form of its messages."""

from collections.abc import Mapping, Sequence
from typing import Final

from candlewick.exchange.streams.names import Topic, is_unserved, topic_of

MOST_STREAMS: Final = 1_024


class UnservedStream(Exception):  # noqa: N818 - it names what happened to the client
    """A connection requested a stream that Binance has and this exchange does not."""


class TooManyStreams(Exception):  # noqa: N818 - it names what happened to the client
    """A connection requested more streams than the exchange allows."""


class Subscriptions:
    """The streams of one connection, by name; unknown names are kept, as Binance does."""

    def __init__(self, symbols: frozenset[str]) -> None:
        self._symbols = symbols
        self.combined = False
        self.unit = 1
        self.topics: dict[str, Topic | None] = {}

    def from_url(self, path: str, query: Mapping[str, Sequence[str]]) -> None:
        """Read `/ws/<stream>`, `/ws/<a>/<b>`, `/ws` or `/stream?streams=<a>/<b>`.

        Raises:
            TooManyStreams: The URL names more than 1,024 streams.
            UnservedStream: The URL names a stream that is not served.
        """
        self.unit = 1000 if query.get("timeUnit", [""])[0].upper() == "MICROSECOND" else 1
        self.combined = path.startswith("/stream")
        listed = query.get("streams", [""])[0] if self.combined else path.removeprefix("/ws")
        self.add([name for name in listed.split("/") if name])

    def add(self, names: Sequence[str]) -> None:
        """Subscribe to more streams.

        Raises:
            TooManyStreams: The connection would have more than 1,024.
            UnservedStream: One is not served; then none is added.
        """
        for name in filter(is_unserved, names):
            raise UnservedStream(f"stream `{name}` is not supported")
        if len(self.topics.keys() | set(names)) > MOST_STREAMS:
            raise TooManyStreams(f"more than {MOST_STREAMS} streams on one connection")
        for name in names:
            self.topics[name] = topic_of(name, self._symbols, unit=self.unit)

    def remove(self, names: Sequence[str]) -> None:
        """Unsubscribe from streams; names without a subscription are ignored."""
        for name in names:
            self.topics.pop(name, None)

    def wants(self, topic: Topic) -> bool:
        """Return whether this connection receives the frames of a topic."""
        return self.topics.get(topic.name) == topic

    def wrapped(self, name: str, body: str) -> str:
        """Return a message in this connection's form, raw or combined."""
        return f'{{"stream":"{name}","data":{body}}}' if self.combined else body
