"""The stream producer between a real exchange process and a real Kafka: killed, cut off, lied to.

Whatever happens, a symbol's blocks in Kafka hold each trade of the exchange, in order.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from producers.binance.parse import parse_agg_trades
from schemas import codecs, topics
from schemas.dead_letters import read_letter
from schemas.live_settings import CandleSettings
from schemas.market import Candle, Gap, GapState, Trade, TradeBlock
from tests.support.servers import RunningExchange, RunningKafka, running_exchange, running_kafka

PARTITIONS = 2
LATENESS_MS = CandleSettings().lateness_ms
DEADLINE_S = 40.0
SHUTDOWN_MS = 5_000  # from its announcement; the next connection is open by then
CLIENTS = pytest.mark.parametrize("client", ["websockets", "picows"])
A_MINUTE_INTO_A_QUARTER = "2026-03-04T12:01:00Z"  # so that a first start has little to fetch


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("kafka"), partitions=PARTITIONS) as server:
        yield server


@pytest.fixture(scope="module")
def market() -> Iterator[RunningExchange]:
    with running_exchange(rate=200.0, start=A_MINUTE_INTO_A_QUARTER) as server:
        yield server


@pytest.fixture
def exchange(market: RunningExchange) -> Iterator[RunningExchange]:
    yield market
    market.admin("DELETE", "faults")


@contextmanager
def a_producer(
    kafka: RunningKafka, exchange: RunningExchange, *symbols: str, **stream: float | str
) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "CANDLEWICK_BINANCE__STREAM_URL": exchange.ws_url,
        "CANDLEWICK_BINANCE__REST_URL": exchange.http_url,
        "CANDLEWICK_SYMBOLS": ",".join(symbols),
    }
    environment |= {f"CANDLEWICK_STREAM__{k.upper()}": str(v) for k, v in stream.items()}
    command = [sys.executable, "-m", "producers", "stream"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        sys.stderr.write(process.communicate()[1])  # pytest shows it where a test fails


class Reader:
    """Everything that Kafka holds, in the order of its offsets."""

    def __init__(self, kafka: RunningKafka) -> None:
        settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "reader"}
        self._consumer = Consumer({**settings, "fetch.queue.backoff.ms": 5})
        names = [topics.TRADES, topics.KLINES, topics.GAPS, topics.DEAD_LETTERS]
        self._consumer.assign([TopicPartition(t.name, i, 0) for t in names for i in range(2)])
        self.blocks: list[TradeBlock] = []
        self.candles: list[Candle] = []
        self.gaps: list[Gap] = []
        self.dead_letters: list[Message] = []

    def close(self) -> None:
        self._consumer.close()

    def read(self) -> None:
        for message in self._consumer.consume(1000, timeout=0.1):
            value = message.value() or b""
            if message.error() is not None:
                continue
            if message.topic() == topics.TRADES.name:
                self.blocks.append(codecs.decode(TradeBlock, value))
            elif message.topic() == topics.KLINES.name:
                self.candles.append(codecs.decode(Candle, value))
            elif message.topic() == topics.GAPS.name:
                self.gaps.append(codecs.decode(Gap, value))
            else:
                self.dead_letters.append(message)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "it did not come to pass in time"
            self.read()

    @property
    def refusals(self) -> list[str]:
        """Reasons of what was ahead of its time or of its turn."""
        return [*self.reasons_with("ahead"), *self.reasons_with("far beyond")]

    def reasons_with(self, words: str) -> list[str]:
        found = [read_letter(m.value(), m.headers()).origin.reason for m in self.dead_letters]
        return [reason for reason in found if words in reason]

    def blocks_of(self, symbol: str) -> list[TradeBlock]:
        return [block for block in self.blocks if block.symbol == symbol]

    def states_of(self, symbol: str) -> list[str]:
        return [gap.state for gap in self.gaps if gap.symbol == symbol]

    def next_id(self, symbol: str) -> int:
        return max((block.next_agg_id for block in self.blocks_of(symbol)), default=0)

    def until_at(self, symbol: str, agg_id: int) -> None:
        self.until(lambda: self.next_id(symbol) >= agg_id)


@pytest.fixture
def reader(kafka: RunningKafka) -> Iterator[Reader]:
    reader = Reader(kafka)
    yield reader
    reader.close()


def head_of(exchange: RunningExchange, symbol: str) -> int:
    state = exchange.admin("GET", "market")
    assert isinstance(state, Mapping)
    return int(state["symbols"][symbol]["next_agg_id"])


def market_ms(exchange: RunningExchange) -> int:
    state = exchange.admin("GET", "market")
    assert isinstance(state, Mapping)
    return int(state["now_ms"])


def pass_head(reader: Reader, exchange: RunningExchange, symbol: str, *, by: int = 1) -> None:
    """Wait until Kafka has what the exchange has now, and ``by`` trades more."""
    reader.until_at(symbol, head_of(exchange, symbol) + by)


def wait_for_trades(reader: Reader, exchange: RunningExchange, symbol: str, count: int) -> None:
    """Wait until the exchange has so many trades more, whoever reads them."""
    head = head_of(exchange, symbol)
    reader.until(lambda: head_of(exchange, symbol) >= head + count)


def trades_of(block: TradeBlock) -> Iterator[Trade]:
    trade_id = block.first_trade_id
    columns = (block.event_ms, block.price_e8, block.quantity_e8, block.fills, block.taker_sold)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for agg_id, (event_ms, price, quantity, fills, sold) in enumerate(rows, block.first_agg_id):
        last_id = trade_id + fills - 1
        yield Trade(
            block.symbol,
            agg_id,
            price,
            quantity,
            trade_id,
            last_id,
            event_ms,
            taker_sold=bool(sold),
        )
        trade_id += fills


def exchange_trades(
    exchange: RunningExchange, symbol: str, first_id: int, next_id: int
) -> list[Trade]:
    found: list[Trade] = []
    while first_id + len(found) < next_id:
        answer = exchange.get(
            "/api/v3/aggTrades", symbol=symbol, fromId=first_id + len(found), limit=1000
        )
        found += parse_agg_trades(answer.content, symbol)
    return found[: next_id - first_id]


def assert_whole(reader: Reader, exchange: RunningExchange, symbol: str) -> None:
    """Each trade of the exchange is there, nothing newer stands before something older."""
    blocks = [block for block in reader.blocks_of(symbol) if len(block)]
    trades: dict[int, Trade] = {}
    next_id = blocks[0].first_agg_id
    for block in blocks:
        assert block.first_agg_id <= next_id
        next_id = max(next_id, block.next_agg_id)
        trades |= {trade.agg_id: trade for trade in trades_of(block)}
    expected = exchange_trades(exchange, symbol, blocks[0].first_agg_id, next_id)
    assert [trades[trade.agg_id] for trade in expected] == expected
    assert len(trades) == len(expected)


def test_first_start_begins_just_before_the_previous_candle_and_reports_no_gap(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "USDCUSDT"
    with a_producer(kafka, exchange, symbol) as producer:
        pass_head(reader, exchange, symbol, by=5)
        reader.until(lambda: any(c.interval == "15m" for c in reader.candles))
        producer.send_signal(signal.SIGTERM)
        assert producer.wait(DEADLINE_S) == 0

    reader.until(lambda: reader.blocks_of(symbol))
    assert_whole(reader, exchange, symbol)
    assert reader.states_of(symbol) == []
    first, second, *_ = trades_of(reader.blocks_of(symbol)[0])
    quarter = next(c for c in reader.candles if c.interval == "15m")
    assert first.event_ms < quarter.open_ms <= second.event_ms
    minutes = [c.open_ms for c in reader.candles if (c.symbol, c.interval) == (symbol, "1m")]
    assert minutes == list(range(quarter.open_ms, minutes[-1] + 1, 60_000))


def test_killed_producer_resumes_where_kafka_has_the_last_block(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbols = ("XRPUSDT", "BNBUSDT")
    for _ in range(2):
        with a_producer(kafka, exchange, *symbols) as producer:
            for symbol in symbols:
                pass_head(reader, exchange, symbol)
            reader.until(lambda: {c.symbol for c in reader.candles} >= set(symbols))
            producer.kill()
            producer.wait()
        wait_for_trades(reader, exchange, "BNBUSDT", 5)

    for symbol in symbols:
        assert_whole(reader, exchange, symbol)
        opens = {c.open_ms for c in reader.candles if (c.symbol, c.interval) == (symbol, "1m")}
        assert sorted(opens) == list(range(min(opens), max(opens) + 1, 60_000))
    assert reader.states_of("BNBUSDT").count(GapState.FOUND) >= 1
    reader.until(lambda: GapState.REPAIRED in reader.states_of("BNBUSDT"))  # behind its trades


def test_lost_doubled_and_reordered_frames_and_a_rest_behind_lose_nothing(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "ETHUSDT"
    faults = [
        {"kind": "drop", "stream": "aggTrade", "probability": 0.1},
        {"kind": "duplicate", "stream": "aggTrade", "probability": 0.1},
        {"kind": "reorder", "stream": "aggTrade", "probability": 0.1},
        {"kind": "rest-lag", "lag_ms": 700},
        {"kind": "rest-error", "status": 503, "probability": 0.2},
        {"kind": "rest-error", "status": 429, "count": 1, "retry_after_s": 1},
    ]
    with a_producer(kafka, exchange, symbol):
        pass_head(reader, exchange, symbol)
        for fault in faults:
            exchange.admin("POST", "faults", fault)
        reader.until(lambda: reader.states_of(symbol).count(GapState.REPAIRED) >= 3)
        exchange.admin("DELETE", "faults")
        pass_head(reader, exchange, symbol)

    assert_whole(reader, exchange, symbol)
    assert GapState.GIVEN_UP not in reader.states_of(symbol)


@pytest.mark.parametrize(("client", "symbol"), [("websockets", "ADAUSDT"), ("picows", "DOGEUSDT")])
def test_connections_are_replaced_without_a_hole_or_a_gap(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader, client: str, symbol: str
) -> None:
    with a_producer(kafka, exchange, symbol, rotate_h=1 / 3600, websocket_client=client):
        pass_head(reader, exchange, symbol)
        exchange.admin("POST", "faults", {"kind": "shutdown", "grace_ms": SHUTDOWN_MS})
        over_ms = market_ms(exchange) + SHUTDOWN_MS
        reader.until(lambda: market_ms(exchange) > over_ms)
        for _ in range(3):
            pass_head(reader, exchange, symbol, by=10)

    assert_whole(reader, exchange, symbol)
    assert reader.states_of(symbol) == []
    agg_ids = [t.agg_id for block in reader.blocks_of(symbol) for t in trades_of(block)]
    assert len(agg_ids) == len(set(agg_ids))


@CLIENTS
@pytest.mark.parametrize("fault", [{"kind": "cut"}, {"kind": "silence"}])
def test_broken_and_silent_connections_are_replaced(
    kafka: RunningKafka,
    exchange: RunningExchange,
    reader: Reader,
    fault: dict[str, str],
    client: str,
) -> None:
    symbol = "ETHUSDT"  # where little is traded, pings speak for a silent connection
    with a_producer(kafka, exchange, symbol, silence_s=1, websocket_client=client):
        for _ in range(2):
            pass_head(reader, exchange, symbol, by=60)
            exchange.admin("POST", "faults", fault)
        pass_head(reader, exchange, symbol, by=10)

    assert_whole(reader, exchange, symbol)


def test_unreadable_frames_become_dead_letters_and_their_trades_come_by_rest(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "XRPUSDT"
    with a_producer(kafka, exchange, symbol):
        pass_head(reader, exchange, symbol)
        for how in ("truncated", "not-json", "missing-field", "bad-number"):
            fault = {"kind": "malformed", "how": how, "stream": "aggTrade", "probability": 0.1}
            exchange.admin("POST", "faults", fault)
        reader.until(lambda: len(reader.dead_letters) >= 5)
        exchange.admin("DELETE", "faults")
        pass_head(reader, exchange, symbol)

    assert_whole(reader, exchange, symbol)
    headers = dict(reader.dead_letters[0].headers() or [])
    assert b"unreadable" in (headers["reason"] or b"")
    assert (headers["origin-source"] or b"").startswith(b"ws://")


def test_another_trade_under_a_known_aggregate_id_is_a_dead_letter(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "SOLUSDT"
    with a_producer(kafka, exchange, symbol):
        pass_head(reader, exchange, symbol)
        fault = {"kind": "contradict", "symbol": symbol, "stream": "aggTrade", "count": 3}
        exchange.admin("POST", "faults", fault)
        reader.until(lambda: len(reader.reasons_with("with other trades")) >= 1)
        exchange.admin("DELETE", "faults")
        pass_head(reader, exchange, symbol)

    assert_whole(reader, exchange, symbol)


def test_what_is_ahead_of_the_exchange_is_buried_and_moves_no_symbol(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    attacked, other = "DOGEUSDT", "BNBUSDT"
    attack = {"kind": "ahead", "count": 1, "symbol": attacked, "stream": "aggTrade"}
    with a_producer(kafka, exchange, attacked, other):
        for symbol in (attacked, other):
            pass_head(reader, exchange, symbol)
        for number, what in enumerate(("unknown", "event", "trade", "id")):
            exchange.admin("POST", "faults", attack | {"what": what, "by": 7_200_000})
            pass_head(reader, exchange, attacked, by=2)
            # A frame of an unknown type is passed over.
            reader.until(lambda: len(reader.refusals) >= number)  # noqa: B023 - run at once
            exchange.admin("DELETE", "faults")
            pass_head(reader, exchange, attacked, by=2)
        for symbol in (attacked, other):
            pass_head(reader, exchange, symbol, by=5)
        now_ms = market_ms(exchange)

    for symbol in (attacked, other):
        assert_whole(reader, exchange, symbol)
        for block in reader.blocks_of(symbol):
            assert max([block.watermark_ms, *block.event_ms.tolist()]) <= now_ms + 2_000
    assert len(reader.refusals) == 3


@pytest.mark.parametrize("what", ["trade", "id"])
def test_rest_whose_last_trade_is_always_ahead_moves_nothing_and_holes_are_filled(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader, what: str
) -> None:
    symbol = "XRPUSDT"
    exchange.admin("POST", "faults", {"kind": "rest-ahead", "what": what})
    with a_producer(kafka, exchange, symbol):
        pass_head(reader, exchange, symbol)
        found = reader.states_of(symbol).count(GapState.REPAIRED)
        exchange.admin("POST", "faults", {"kind": "drop", "stream": "aggTrade", "count": 2})
        reader.until(lambda: reader.states_of(symbol).count(GapState.REPAIRED) > found)
        exchange.admin("DELETE", "faults")
        pass_head(reader, exchange, symbol)
        now_ms = market_ms(exchange)

    assert_whole(reader, exchange, symbol)
    for block in reader.blocks_of(symbol):
        assert max([block.watermark_ms, *block.event_ms.tolist()]) <= now_ms + 2_000


def test_hole_that_rest_cannot_fill_is_given_up_and_filled_late(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "SOLUSDT"
    with a_producer(kafka, exchange, symbol, give_up_s=1):
        pass_head(reader, exchange, symbol)
        exchange.admin("POST", "faults", {"kind": "rest-error", "status": 404})
        exchange.admin("POST", "faults", {"kind": "drop", "stream": "aggTrade", "count": 2})
        reader.until(lambda: GapState.GIVEN_UP in reader.states_of(symbol))
        pass_head(reader, exchange, symbol)
        exchange.admin("DELETE", "faults")
        # The restart may have left another gap, and a gap's event comes behind its trades.
        reader.until(lambda: gaps_filled_late(reader, symbol))
        pass_head(reader, exchange, symbol)
        reader.until(lambda: has_no_hole(reader, symbol))  # what was dropped may be two gaps

    filled = gaps_filled_late(reader, symbol)
    _, last_id = next(iter(filled))
    ids = [t.agg_id for block in reader.blocks_of(symbol) for t in trades_of(block)]
    assert sorted(ids) == list(range(min(ids), max(ids) + 1))
    assert ids.index(last_id) > ids.index(last_id + 1)


def test_nothing_is_given_up_while_rest_is_closed_to_us(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "BNBUSDT"
    with a_producer(kafka, exchange, symbol, give_up_s=1):
        pass_head(reader, exchange, symbol)
        before = reader.states_of(symbol)
        exchange.admin("POST", "faults", {"kind": "rest-error", "path": "aggTrades", "status": 503})
        exchange.admin("POST", "faults", {"kind": "drop", "stream": "aggTrade", "count": 2})
        reader.until(lambda: len(reader.states_of(symbol)) > len(before))
        wait_for_trades(reader, exchange, symbol, 30)
        exchange.admin("DELETE", "faults")
        pass_head(reader, exchange, symbol)
        closed = {GapState.FOUND, GapState.REPAIRED}
        # A gap's event comes behind its trades.
        reader.until(lambda: closed <= set(reader.states_of(symbol)[len(before) :]))

    assert set(reader.states_of(symbol)[len(before) :]) == closed
    assert_whole(reader, exchange, symbol)


def test_gap_that_one_run_gave_up_is_filled_by_the_next(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "ADAUSDT"
    with a_producer(kafka, exchange, symbol, give_up_s=1) as producer:
        pass_head(reader, exchange, symbol)
        exchange.admin("POST", "faults", {"kind": "rest-error", "status": 404})
        exchange.admin("POST", "faults", {"kind": "drop", "stream": "aggTrade", "count": 2})
        reader.until(lambda: GapState.GIVEN_UP in reader.states_of(symbol))
        pass_head(reader, exchange, symbol)
        producer.kill()
        producer.wait()
    exchange.admin("DELETE", "faults")
    gap = next(g for g in reader.gaps if g.symbol == symbol and g.state == GapState.GIVEN_UP)
    ids = (gap.first_agg_id, gap.last_agg_id)
    with a_producer(kafka, exchange, symbol):
        reader.until(lambda: ids in gaps_filled_late(reader, symbol))
        reader.until(lambda: has_no_hole(reader, symbol))


def gaps_filled_late(reader: Reader, symbol: str) -> set[tuple[int, int]]:
    """Ids of the gaps that were given up and later repaired."""
    given_up, repaired = (
        {
            (gap.first_agg_id, gap.last_agg_id)
            for gap in reader.gaps
            if (gap.symbol, gap.state) == (symbol, state)
        }
        for state in (GapState.GIVEN_UP, GapState.REPAIRED)
    )
    return given_up & repaired


def has_no_hole(reader: Reader, symbol: str) -> bool:
    published = {t.agg_id for block in reader.blocks_of(symbol) for t in trades_of(block)}
    return len(published) == max(published) - min(published) + 1


def test_halted_symbol_is_told_to_be_quiet_by_the_event_time_of_the_others(
    kafka: RunningKafka, reader: Reader
) -> None:
    with running_exchange(speed=30.0, symbols="DOTUSDT,ETHUSDT", recorded=False) as exchange:
        exchange.admin("POST", "faults", {"kind": "halt", "symbol": "DOTUSDT", "minutes": 20})
        with a_producer(kafka, exchange, "DOTUSDT", "ETHUSDT", ahead_s=150):
            reader.until(lambda: sum(len(b) == 0 for b in reader.blocks_of("DOTUSDT")) >= 2)

    blocks = reader.blocks_of("DOTUSDT")
    first_empty = next(i for i, block in enumerate(blocks) if len(block) == 0)
    assert blocks[first_empty].first_agg_id == blocks[first_empty - 1].next_agg_id
    assert blocks[first_empty].watermark_ms > blocks[first_empty - 1].watermark_ms
    # A minute is told when the stream has passed its end and the lateness.
    told_ms = [block.watermark_ms - LATENESS_MS for block in blocks if len(block) == 0]
    minutes = [at_ms // 60_000 for at_ms in told_ms]
    assert minutes == sorted(set(minutes))


def test_kafka_away_and_back_loses_nothing(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "BTCUSDT"
    with a_producer(kafka, exchange, symbol) as producer:
        pass_head(reader, exchange, symbol)
        kafka.kill()
        wait_for_trades(reader, exchange, symbol, 20)
        kafka.restart()
        pass_head(reader, exchange, symbol)
        assert producer.poll() is None

    assert_whole(reader, exchange, symbol)


def pause(reader: Reader, exchange: RunningExchange, *pids: int, seconds: float) -> None:
    """Let processes stand still for so long, by the exchange's clock."""
    begun_ms = market_ms(exchange)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        while market_ms(exchange) < begun_ms + seconds * 1000:
            reader.read()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


LONG = [
    pytest.param(frozen, seconds, marks=pytest.mark.slow)
    for frozen in ("kafka", "producer", "both")
    for seconds in (5, 8, 15, 40, 120)
    if (frozen, seconds) != ("kafka", 8)
]


@pytest.mark.parametrize(("frozen", "seconds"), [("kafka", 8), *LONG])
def test_pause_of_kafka_and_of_the_process_loses_nothing_and_repeats_nothing(
    kafka: RunningKafka,
    exchange: RunningExchange,
    reader: Reader,
    frozen: str,
    seconds: float,
) -> None:
    symbol, first_id = "BTCUSDT", head_of(exchange, "BTCUSDT")
    with a_producer(kafka, exchange, symbol) as producer:
        pass_head(reader, exchange, symbol)
        pids = {"kafka": [kafka.pid], "producer": [producer.pid]}
        pids["both"] = [*pids["kafka"], *pids["producer"]]
        pause(reader, exchange, *pids[frozen], seconds=seconds)
        for _ in range(2):
            pass_head(reader, exchange, symbol, by=10)
        assert producer.poll() is None

    assert_whole(reader, exchange, symbol)
    ids = [t.agg_id for block in reader.blocks_of(symbol) for t in trades_of(block)]
    new = [agg_id for agg_id in ids if agg_id >= first_id]
    assert len(new) == len(set(new))


def test_sockets_are_read_while_the_exchange_does_not_tell_its_limits(
    kafka: RunningKafka, exchange: RunningExchange, reader: Reader
) -> None:
    symbol = "LINKUSDT"  # no other test begins it: whether it is traded is not known
    exchange.admin("POST", "faults", {"kind": "rest-drip", "path": "exchangeInfo"})
    with a_producer(kafka, exchange, symbol):
        pass_head(reader, exchange, symbol, by=3)

    assert_whole(reader, exchange, symbol)
