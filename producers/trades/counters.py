"""Counters of the live stream, and its figures for Prometheus."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

GAPS: Final = {
    "gaps_found": "found",
    "gaps_repaired": "repaired",
    "gaps_given_up": "given_up",
}
COUNTED: Final = {
    "trades": "Trades published.",
    "blocks": "Blocks of trades published.",
    "candles": "Candles of the exchange published.",
    "duplicates": "Trades that came a second time.",
    "left_to_rest": "Trades left to REST because memory was full.",
    "attempts": "Attempts to open a connection to the exchange.",
    "frames": "Frames read from the exchange.",
}


@dataclass(slots=True)
class Counts:
    """Counters of one process, since its start."""

    trades: int = 0
    blocks: int = 0
    candles: int = 0
    gaps_found: int = 0
    gaps_repaired: int = 0
    gaps_given_up: int = 0
    duplicates: int = 0
    left_to_rest: int = 0
    dead_letters: int = 0

    def since(self, before: Mapping[str, int]) -> dict[str, int]:
        """Return how much each has grown since it was as `asdict` told."""
        return {name: count - before[name] for name, count in asdict(self).items()}


def summary(counts: Mapping[str, int]) -> str:
    """Return counters as one line."""
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of the stream at one moment.

    Attributes:
        counted: What has been counted since the start, by the names of `COUNTED` and `GAPS`.
        symbols: Symbols that are followed.
        gaps_open: Symbols of which trades are missing.
        unacknowledged: Records that Kafka has not acknowledged yet.
        clock_offset_ms: The exchange's clock minus ours; None before it was heard.
        weight_used: Used weight of the exchange's request limit in this minute.
    """

    counted: Mapping[str, int]
    symbols: int
    gaps_open: int
    unacknowledged: int
    clock_offset_ms: int | None
    weight_used: int


class StreamCollector(Collector):
    """Figures of the stream, taken at each scrape."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        now = self._figures()
        for name, text in COUNTED.items():
            yield CounterMetricFamily(f"candlewick_stream_{name}", text, value=now.counted[name])
        gaps = CounterMetricFamily(
            "candlewick_gaps", "Gaps in the trades: found, repaired, given_up.", labels=["state"]
        )
        for name, state in GAPS.items():
            gaps.add_metric([state], now.counted[name])
        yield gaps
        yield _gauge("gaps_open", "Symbols of which trades are missing now.", now.gaps_open)
        yield _gauge("stream_symbols", "Symbols that are followed.", now.symbols)
        text = "Records that Kafka has not acknowledged yet."
        yield _gauge("stream_unacknowledged_records", text, now.unacknowledged)
        text = "Used weight of the exchange's request limit in this minute."
        yield _gauge("exchange_weight_used", text, now.weight_used)
        if now.clock_offset_ms is not None:
            text = "The exchange's clock minus this machine's, as the stream estimates it."
            yield _gauge("exchange_clock_offset_seconds", text, now.clock_offset_ms / 1000)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"candlewick_{name}", text, value=value)
