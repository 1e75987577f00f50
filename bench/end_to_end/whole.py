"""The whole pipeline on a made-up exchange of many symbols, each process measured from outside."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client

from bench.end_to_end.designs import RUST
from bench.end_to_end.market import QUARTER_MS
from bench.end_to_end.processes import Watched, cpu_s, memory_mb, peak_mb, python, waited_s
from bench.end_to_end.rest import Rest, Server
from candlewick.store.admin import apply_migrations
from clients.kafka.group import GroupOffsets, behind
from schemas.settings import ClickHouseSettings, KafkaSettings
from tests.support.servers import free_port, running_clickhouse, running_kafka

DATABASE = "candlewick"
PARTS = {
    "producer": ("producers", "stream"),
    "worker": ("processors", "worker"),
    "sinks": ("sinks",),
    "API": ("api",),
}
LOOK_S = 0.5
SETTLE_S = 5.0
FOLLOWED_S, DRAIN_S = 900.0, 300.0
BEHIND_S = 8.0  # the sinks let trades gather for five seconds
LOOKS = 12  # at half a second each, longer than that
# aggTrades a second of all symbols, as docs/benchmarks.md estimates them.
WHOLE = {"on average": 200, "on the busiest day": 860, "in the busiest minute": 7_250}
_IDS = """
SELECT symbol, count(), max(agg_id) FROM (SELECT DISTINCT symbol, agg_id FROM trades)
GROUP BY symbol
"""
_KLINES = "SELECT count(DISTINCT symbol) FROM klines WHERE interval = '1m'"
_AUDIT = """
SELECT toString(result), count() FROM audit
WHERE interval = '1m' AND toUnixTimestamp64Milli(open_time) BETWEEN {since_ms:Int64} AND
    {until_ms:Int64} - 60000
GROUP BY result
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A rate and what it took: processors by process, and how far the store was behind.

    Attributes:
        from_ms, until_ms: When that was measured.
        waiting: Bytes that the exchange could not send, when it ended.
        starved: Shares of that time in which processes wanted a processor and had none.
    """

    rate: float
    cores: dict[str, float]
    behind_s: float
    from_ms: int
    until_ms: int
    waiting: int
    starved: dict[str, float]

    @property
    def is_held(self) -> bool:
        return self.behind_s < BEHIND_S

    @property
    def sum(self) -> float:
        return sum(used for name, used in self.cores.items() if name != "exchange")


@dataclass(slots=True)
class Whole:
    """What runs; the exchange is told apart.

    Attributes:
        folder: Where its files are; the broker's are in ``kafka`` there.
        servers: Where the broker listens.
        symbols: How many there are. Each has one trade before the first that is sent.
    """

    folder: Path
    servers: str
    symbols: int
    exchange: Watched
    pids: dict[str, int]
    processes: list[Watched]
    store: Client

    def cpu(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self.pids.items()}

    def starved_s(self) -> dict[str, float]:
        return {name: waited_s(pid) for name, pid in self.pids.items()}

    def peak(self) -> dict[str, float]:
        return {name: peak_mb(pid) for name, pid in self.pids.items()}

    def memory(self) -> dict[str, float]:
        return {name: memory_mb(pid) for name, pid in self.pids.items()}

    def lags(self) -> dict[str, int]:
        """Records that each consumer group has not committed, by group and topic."""
        offsets = GroupOffsets(KafkaSettings(bootstrap_servers=self.servers))
        found: dict[str, int] = {}
        for group in offsets.groups("candlewick-"):
            committed = offsets.committed(group)
            waiting = behind(committed, offsets.ends(committed))
            found |= {f"{group}: {topic}": records for topic, records in waiting.items()}
        return found

    def trade(self, rate: float) -> None:
        """Set the trades a second of the exchange."""
        self.exchange.tell(str(rate))

    def sent(self) -> tuple[int, int]:
        """The trades so far, and the bytes that wait at the exchange until they are read."""
        trades, waiting = self.exchange.hear_newest("TRADES")
        return int(trades), int(waiting)

    def behind(self) -> int:
        """Trades that are not in the store yet."""
        sent, _ = self.sent()
        return sent + self.symbols - int(str(self.rows("SELECT count() FROM trades")[0][0]))

    def until(self, condition: Callable[[], bool], within_s: float) -> float:
        """Wait until a condition holds, and return how long that took; infinite if it does not."""
        began = time.monotonic()
        while not condition():
            for process in self.processes:
                process.check()
            if time.monotonic() - began > within_s:
                return float("inf")
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def follow(self) -> float:
        """Wait until every symbol is followed and all is stored; return the seconds it took."""
        return self.until(lambda: self.behind() <= 0 and self.has_klines(), FOLLOWED_S)

    def drain(self) -> float:
        """Stop trading and wait until all is stored; return the seconds it took."""
        self.trade(0)
        return self.until(lambda: self.behind() <= 0, DRAIN_S)

    def hold(self, rate: float, seconds: float) -> Step:
        """Trade at a rate, and say what that takes; it goes on at that rate."""
        self.trade(rate)
        time.sleep(SETTLE_S)
        from_ms, began = time.time_ns() // 10**6, time.monotonic()
        before, starved = self.cpu(), self.starved_s()
        time.sleep(seconds)
        took_s, after = time.monotonic() - began, self.cpu()
        starved = {name: (s - starved[name]) / took_s for name, s in self.starved_s().items()}
        until_ms, (_, waiting) = time.time_ns() // 10**6, self.sent()
        cores = {name: (after[name] - before[name]) / took_s for name in before}
        behind_s = min(self.behind() for _ in range(LOOKS)) / rate
        return Step(rate, cores, behind_s, from_ms, until_ms, waiting, starved)

    def rows(self, query: str, **bound: object) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.store.query(query, bound).result_rows]

    def missing(self) -> dict[str, tuple[int, int]]:
        """Symbols of which the store lacks trades: how many it has, and how many there were."""
        self.exchange.tell("ids")
        due = {f"SIM{i}USDT": int(n) for i, n in enumerate(self.exchange.hear("IDS"), 1)}
        held = {str(row[0]): (int(str(row[1])), int(str(row[2]))) for row in self.rows(_IDS)}
        return {
            name: (held.get(name, (0, -1))[0], next_id)
            for name, next_id in due.items()
            if held.get(name) != (next_id, next_id - 1)
        }

    def has_klines(self) -> bool:
        """Whether each symbol has some of the exchange's candles."""
        return int(str(self.rows(_KLINES)[0][0])) == self.symbols

    def audited(self, since_ms: int, until_ms: int) -> dict[str, int]:
        """How our candles of the whole minutes of a time compare with the exchange's."""
        rows = self.rows(_AUDIT, since_ms=since_ms, until_ms=until_ms)
        return {str(result): int(str(count)) for result, count in rows}


@contextmanager
def whole_exchange(folder: Path, symbols: int) -> Iterator[Whole]:
    """Start everything over a folder; the stream follows all symbols."""
    with ExitStack() as stack:
        kafka = stack.enter_context(running_kafka(folder / "kafka"))
        store = stack.enter_context(running_clickhouse(folder / "clickhouse"))
        account = {"url": store.url, "user": store.user, "password": store.password}
        apply_migrations(ClickHouseSettings.model_validate(account))
        exchange = Watched([str(RUST / "exchange"), str(symbols)], folder / "x.log", talks=True)
        stack.callback(exchange.stop)
        port, born_ms = map(int, exchange.hear("LISTENING"))
        names = [f"SIM{i}USDT" for i in range(1, symbols + 1)]
        first_ms = born_ms // QUARTER_MS * QUARTER_MS - 1
        rest = Server(Rest(names, first_ms, lambda: time.time_ns() // 10**6))
        stack.callback(rest.shutdown)
        settings = {
            "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
            "CANDLEWICK_CLICKHOUSE__URL": store.url,
            "CANDLEWICK_CLICKHOUSE__USER": store.user,
            "CANDLEWICK_CLICKHOUSE__PASSWORD": store.password,
            "CANDLEWICK_CLICKHOUSE__READER_USER": store.reader,
            "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": store.reader_password,
            "CANDLEWICK_BINANCE__STREAM_URL": f"ws://127.0.0.1:{port}",
            "CANDLEWICK_BINANCE__REST_URL": f"http://127.0.0.1:{rest.server_port}",
            "CANDLEWICK_API__PORT": str(free_port()),
            "CANDLEWICK_SYMBOLS": "SIM*",
            "CANDLEWICK_DATA_DIR": str(folder),
            "CANDLEWICK_LOG_LEVEL": "WARNING",
        }
        processes = [exchange]
        for name, words in PARTS.items():
            process = Watched(python(*words), folder / f"{name}.log", settings)
            processes.append(process)
            stack.callback(process.stop)
        pids = dict(zip(PARTS, (one.pid for one in processes[1:]), strict=True))
        pids |= {"broker": kafka.pid, "ClickHouse": store.pid, "exchange": exchange.pid}
        client = store.client(database=DATABASE)
        yield Whole(folder, kafka.bootstrap, symbols, exchange, pids, processes, client)
