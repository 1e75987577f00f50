"""The armed faults: when each is active, and which frames and requests it hits."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

from candlewick.exchange.faults.faults import (
    ArchiveFault,
    Cut,
    Fault,
    Klines,
    OnConnections,
    OnFrames,
    RestAhead,
    RestDelay,
    RestDrip,
    RestError,
    RestHour,
    RestLag,
)
from candlewick.exchange.market.random_by_address import key_of
from candlewick.exchange.streams.feed import Frame

TRADING: Final = "TRADING"
UNLISTED: Final = "UNLISTED"
_WHOLE: Final = float(1 << 63)
_FOREVER: Final = 1 << 62
F = TypeVar("F")


@dataclass(slots=True)
class Armed:
    """A fault and the period in which it is active, [start_ms, end_ms) of market time.

    Attributes:
        hits: Number of times it has hit.
    """

    number: int
    fault: Fault
    start_ms: int
    end_ms: int
    hits: int = 0

    def during(self, at_ms: int) -> bool:
        """Return whether the fault is active at a moment of market time."""
        return self.start_ms <= at_ms < self.end_ms

    def chooses(self, probability: float, *labels: object) -> bool:
        """Return whether the fault hits the item with these labels; always the same answer."""
        if probability >= 1:
            return True
        key = key_of(self.fault.seed, self.fault.kind, *(str(label) for label in labels))
        return key / _WHOLE < probability

    def shown(self) -> dict[str, object]:
        """Return the fault as the admin endpoint shows it."""
        end_ms = None if self.end_ms == _FOREVER else self.end_ms
        times = {"start_ms": self.start_ms, "end_ms": end_ms}
        return {"id": self.number, "hits": self.hits} | times | {"fault": asdict(self.fault)}


class ActiveFaults:
    """All faults that are armed: active now, later or no longer."""

    def __init__(self) -> None:
        self._armed: dict[int, Armed] = {}
        self._count = 0
        self._stops: dict[str, list[tuple[int, int, str]]] = {}

    def arm(self, fault: Fault, now_ms: int) -> Armed:
        """Arm a fault; its period counts from now unless it has a start of its own."""
        # What lies up to now is sent already: what happens once would have happened unseen.
        soonest_ms = now_ms + 1 if isinstance(fault, OnConnections) else now_ms
        start_ms = max(now_ms + fault.after_ms, soonest_ms)
        if fault.start_ms is not None:
            start_ms = fault.start_ms
        end_ms = _FOREVER if fault.for_ms is None else start_ms + fault.for_ms
        self._count += 1
        armed = self._armed[self._count] = Armed(self._count, fault, start_ms, end_ms)
        return armed

    def disarm(self, number: int | None = None) -> int:
        """Remove one fault, or all; return the number removed."""
        gone = [held for held in self._armed if number in (None, held)]
        for held in gone:
            del self._armed[held]
        return len(gone)

    def all(self) -> list[Armed]:
        """Return every fault, oldest first."""
        return list(self._armed.values())

    def of(self, kind: type[F]) -> Iterator[tuple[Armed, F]]:
        """Yield the faults of one kind."""
        for armed in self._armed.values():
            if isinstance(armed.fault, kind):
                yield armed, armed.fault

    def lag(self, now_ms: int) -> tuple[int, int]:
        """Return how far REST lags, in milliseconds and in aggregate trades."""
        lags = [fault for armed, fault in self.of(RestLag) if armed.during(now_ms)]
        return max((f.lag_ms for f in lags), default=0), max((f.lag_ids for f in lags), default=0)

    def rest_error(self, path: str, now_ms: int) -> RestError | None:
        """Return the fault that makes a request fail, if any."""
        for armed, fault in self.of(RestError):
            if not armed.during(now_ms) or fault.path not in path:
                continue
            if fault.count is not None and armed.hits >= fault.count:
                continue
            self._count += 1
            if armed.chooses(fault.probability, path, self._count):
                armed.hits += 1
                return fault
        return None

    def stop(self, symbol: str, start_ms: int, end_ms: int, status: str) -> None:
        """Note that a symbol is not traded for a while; like its missing trades it stays."""
        if status != TRADING:
            self._stops.setdefault(symbol, []).append((start_ms, end_ms, status))

    def status(self, symbol: str, at_ms: int) -> str:
        """Return the trading status of a symbol at a moment."""
        stops = self._stops.get(symbol, [])
        return next((status for start, end, status in stops if start <= at_ms < end), TRADING)

    def stops(self, symbol: str) -> list[tuple[int, int]]:
        """Return the periods in which a symbol is not traded, as half-open milliseconds."""
        return [(start_ms, end_ms) for start_ms, end_ms, _ in self._stops.get(symbol, [])]

    def archive_fault(self, path: str, now_ms: int) -> tuple[Armed, ArchiveFault] | None:
        """Return the fault that hits a request for an archive file, if any."""
        for armed, fault in self.of(ArchiveFault):
            spent = fault.count is not None and armed.hits >= fault.count
            if armed.during(now_ms) and fault.path in path and not spent:
                armed.hits += 1
                return armed, fault
        return None

    def kline_faults(self, symbol: str, interval: str, where: str, now_ms: int) -> list[Klines]:
        """Return the faults of a symbol's klines over REST, or in daily or monthly files."""
        found = []
        for armed, fault in self.of(Klines):
            is_of = fault.symbol == symbol and fault.interval in ("*", interval)
            if is_of and fault.where in (where, "everywhere") and armed.during(now_ms):
                armed.hits += 1
                found.append(fault)
        return found

    def rest_delay_s(self, path: str, now_ms: int) -> float:
        """Return the delay of an answer, in seconds."""
        faults = (f for armed, f in self.of(RestDelay) if armed.during(now_ms) and f.path in path)
        return max((fault.delay_ms for fault in faults), default=0) / 1000

    def rest_ahead(self, now_ms: int) -> RestAhead | None:
        """Return the fault that hits the last trade of an answer, if any."""
        for armed, fault in self.of(RestAhead):
            if armed.during(now_ms) and (fault.count is None or armed.hits < fault.count):
                armed.hits += 1
                return fault
        return None

    def looks_an_hour(self, now_ms: int) -> bool:
        """Return whether trades are found by their start only within an hour."""
        return any(armed.during(now_ms) for armed, _ in self.of(RestHour))

    def rest_drip_s(self, path: str, now_ms: int) -> float:
        """Return the time between the bytes of an answer, in seconds; 0 without a fault."""
        faults = (f for armed, f in self.of(RestDrip) if armed.during(now_ms) and f.path in path)
        return max((fault.every_ms for fault in faults), default=0) / 1000


def strikes(armed: Armed, fault: OnFrames, frame: Frame, ordinal: int) -> bool:
    """Return whether a fault hits a frame on the connection with this ordinal."""
    topic = frame.topic
    if not armed.during(frame.event_ms):
        return False
    if fault.symbol not in ("*", topic.symbol) or fault.stream not in ("*", topic.kind):
        return False
    low = 0 if fault.first_id is None else fault.first_id
    high = _FOREVER if fault.last_id is None else fault.last_id
    labels = (topic.symbol, topic.kind, frame.number)
    where = (ordinal,) if fault.per_connection else ()
    return low <= frame.number <= high and armed.chooses(fault.probability, *labels, *where)


def cuts(armed: Armed, fault: Cut, after_ms: int, upto_ms: int) -> int:
    """Return the number of cuts due with `after_ms < time <= upto_ms`."""
    if fault.every_ms is None:
        return int(after_ms < armed.start_ms <= upto_ms)
    upto_ms = min(upto_ms, armed.end_ms - 1)
    before, by = ((at - armed.start_ms) // fault.every_ms + 1 for at in (after_ms, upto_ms))
    due = max(by, 0) - max(before, 0)
    return due if fault.count is None else max(min(due, fault.count - armed.hits), 0)
