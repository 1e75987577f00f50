import errno
import gzip
import hashlib
import json
import random
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.commands.replay import HEADER
from candlewick.offline.replay.lines import damage_told
from producers.binance.aggtrade_csv import UnusualLinesError, read_columns
from producers.binance.parse import parse_agg_trade_row
from schemas.errors import CandlewickError, ConfigurationError, PoisonMessage
from schemas.rules.checks import EARLIEST_MS, LATEST_MS

DATA = Path(__file__).parents[2] / "data"
DAY_MS = 1_723_161_600_000  # 2024-08-09
MINUTE_MS = 60_000


def a_line(
    agg_id: int,
    *,
    time: int,
    price: str = "100.50000000",
    quantity: str = "0.25000000",
    fills: int = 2,
    maker: str = "False",
) -> str:
    first = agg_id * 2
    return f"{agg_id},{price},{quantity},{first},{first + fills - 1},{time},{maker},True\n"


def minutes(first: int, last: int) -> str:
    """One trade a minute, in the middle of it."""
    return "".join(
        a_line(1000 + n, time=DAY_MS + n * MINUTE_MS + 30_000) for n in range(first, last)
    )


def replay(*arguments: str | Path) -> list[list[str]]:
    result = CliRunner().invoke(build_app(), ["replay", "--csv", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    lines = result.stdout.splitlines()
    assert lines[0] == HEADER
    return [line.split(",") for line in lines[1:]]


def test_captures_give_the_official_candles_that_they_cover_in_full() -> None:
    official = (DATA / "BTCUSDT-5m-20240809.csv").read_text().splitlines()
    captures = (DATA / f"btcusdt_{day}_trades.gz" for day in ("20240809", "20240808"))
    rows = replay(*captures, "--interval", "5m")

    whole = [row for row in rows if row[-1] == "complete"]
    assert len(whole) == len(official) == 2
    for ours, line in zip(whole, (text.split(",") for text in official), strict=True):
        assert [Decimal(x) for x in ours[3:9]] == [Decimal(line[i]) for i in (1, 2, 3, 4, 5, 7)]
        assert int(ours[9]) == int(line[8])
        assert [Decimal(x) for x in ours[10:12]] == [Decimal(line[i]) for i in (9, 10)]


def test_a_whole_day_gives_whole_candles_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv"
    path.write_text(minutes(0, 1440))

    rows = replay(path, "--interval", "15m")

    assert [int(row[1]) for row in rows] == [DAY_MS + n * 900_000 for n in range(96)]
    assert {row[-1] for row in rows} == {"complete"}
    assert rows[0] == [
        "BTCUSDT",
        str(DAY_MS),
        str(DAY_MS + 900_000),
        *["100.5"] * 4,
        "3.75",
        "376.875",
        "30",
        "3.75",
        "376.875",
        "2000",
        "2029",
        "complete",
    ]


def test_a_recording_that_begins_and_ends_inside_candles_says_so(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(minutes(7, 40))

    rows = replay(path, "--interval", "15m", "--symbol", "btcusdt")

    assert [row[-1] for row in rows] == ["gapped", "complete", "open"]


def zipped(path: Path, name: str, text: str) -> Path:
    with zipfile.ZipFile(path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", text)
    return path / f"{name}.zip"


def gzipped(path: Path, name: str, text: str) -> Path:
    (path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return path / f"{name}.csv.gz"


def plain_file(path: Path, name: str, text: str) -> Path:
    (path / f"{name}.csv").write_text(text)
    return path / f"{name}.csv"


@pytest.mark.parametrize("pack", [zipped, gzipped, plain_file])
def test_packing_header_line_ends_and_microseconds_change_nothing(
    tmp_path: Path, pack: Callable[[Path, str, str], Path]
) -> None:
    text = minutes(0, 100)
    odd = text.replace("30000,", "30000000,").replace("\n", "\r\n")
    header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
    (tmp_path / "odd").mkdir()

    ours = replay(pack(tmp_path, "BTCUSDT-aggTrades-2024-08-09", text))
    marked = f"\ufeff{header}\n{odd}"
    theirs = replay(pack(tmp_path / "odd", "BTCUSDT-aggTrades-2024-08-09", marked))

    assert ours == theirs
    assert len(ours) == 7


def test_each_file_in_a_zip_may_begin_with_a_header(tmp_path: Path) -> None:
    header = "\ufeffagg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,maker\n"
    halves = minutes(0, 50), minutes(50, 100)
    (tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv").write_text("".join(halves))
    path = tmp_path / "BTCUSDT-aggTrades-2024-08-09.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, half in zip("ab", halves, strict=True):
            archive.writestr(f"{name}.csv", header + half)

    assert replay(path) == replay(path.with_suffix(".csv"))


def test_files_in_any_order_overlapping_or_of_several_symbols_give_the_same(tmp_path: Path) -> None:
    whole = plain_file(tmp_path, "BTCUSDT-aggTrades-2024-08-09", minutes(0, 300))
    parts = []
    for n, (first, last) in enumerate([(0, 100), (90, 200), (150, 160), (200, 300)]):
        (tmp_path / str(n)).mkdir()
        parts.append(plain_file(tmp_path / str(n), "BTCUSDT-aggTrades-x", minutes(first, last)))
    other = plain_file(tmp_path, "ETHUSDT-aggTrades-2024-08-09", minutes(0, 20))
    random.Random(1).shuffle(parts)

    rows = replay(other, whole, *parts)

    assert [row for row in rows if row[0] == "BTCUSDT"] == replay(whole)
    assert [row for row in rows if row[0] == "ETHUSDT"] == replay(other)
    assert replay(other, whole, "--symbol", "ETHUSDT") == replay(other)


def test_a_hole_is_told_and_marks_its_candles(tmp_path: Path) -> None:
    path = plain_file(tmp_path, "BTCUSDT-aggTrades-2024-08-09", minutes(0, 20) + minutes(22, 50))
    result = CliRunner().invoke(build_app(), ["replay", "--csv", str(path)])

    assert [line.split(",")[-1] for line in result.stdout.splitlines()[1:]] == [
        "complete",
        "gapped",
        "complete",
        "open",
    ]
    assert "BTCUSDT: 2 aggregate trades are missing, ids 1020 to 1021" in result.stderr


def test_void_records_are_in_no_candle(tmp_path: Path) -> None:
    void = f"1010,0.00000000,0.00000000,-1,-1,{DAY_MS + 10 * MINUTE_MS},False,True\n"
    text = minutes(0, 10) + void + minutes(11, 20)

    rows = replay(plain_file(tmp_path, "BTCUSDT-aggTrades-2024-08-09", text))

    assert rows[0][6] == "100.5"
    assert rows[0][9] == "28"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("BTCUSDT-aggTrades-2024-08.csv", b"", "is empty"),
        ("BTCUSDT-aggTrades-2024-08.csv", b"id,price\n", "contains no trades"),
        ("BTCUSDT-aggTrades-2024-08.csv", minutes(0, 9).encode()[:-30], "about line 9"),
        ("BTCUSDT-aggTrades-2024-08.csv", b"1,2,3\n", "about line 1"),
        ("nobody.csv", minutes(0, 9).encode(), "add --symbol"),
        ("BTCUSDT-aggTrades-2024-08.csv.gz", gzip.compress(b"1" * 9999)[:-12], "cut short"),
        ("BTCUSDT-aggTrades-2024-08.csv.gz", b"\x1f\x8b\x08\0nothing at all", "damaged"),
        ("BTCUSDT-aggTrades-2024-08.zip", b"PK\x03\x04nothing", "damaged"),
        ("capture.gz", gzip.compress(b'1 {"e":"aggTrade","s":"BTCUSDT"}\n'), "line 1"),
        ("capture.txt", b'1 {"e":"bookTicker"}\n', "contains no trades"),
    ],
    ids=[
        "empty",
        "header only",
        "last line cut",
        "other columns",
        "no symbol",
        "gzip cut",
        "gzip damaged",
        "zip damaged",
        "frame without fields",
        "capture without trades",
    ],
)
def test_a_file_that_cannot_be_replayed_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(CandlewickError, match=words) as error:
        replay(path)
    assert name in str(error.value)


def test_a_missing_file_a_folder_and_a_wrong_interval_are_told(tmp_path: Path) -> None:
    with pytest.raises(CandlewickError, match="there is no file"):
        replay(tmp_path / "nothing.csv")
    with pytest.raises(CandlewickError, match="is a folder"):
        replay(tmp_path)
    with pytest.raises(CandlewickError, match="unknown interval '7m'"):
        replay(tmp_path, "--interval", "7m")


def test_a_file_that_may_not_be_read_is_not_told_as_one_that_may_not_be_written() -> None:
    refused = pytest.raises(CandlewickError, match=r"trades\.csv may not be read")
    with refused, damage_told(Path("trades.csv")):
        raise PermissionError(errno.EACCES, "Permission denied", "trades.csv")


DECIMALS = st.builds(
    lambda whole, part: f"{whole}.{part}",
    st.integers(0, 10**10 - 1),
    st.text("0123456789", min_size=1, max_size=8),
).filter(lambda text: text.strip("0.") != "")
LINES = st.lists(
    st.tuples(
        st.integers(0, 10**17),
        DECIMALS,
        DECIMALS,
        st.integers(0, 10**17),
        st.integers(0, 1000),
        st.integers(EARLIEST_MS, LATEST_MS - 1) | st.integers(EARLIEST_MS * 1000, 2 * 10**15),
        st.sampled_from(["True", "False", "true", "false"]),
    ),
    min_size=1,
    max_size=30,
)


@given(LINES, st.sampled_from(["", ",True"]))
def test_columns_are_what_the_line_parser_reads(
    rows: list[tuple[int, str, str, int, int, int, str]], tail: str
) -> None:
    lines = [f"{a},{p},{q},{f},{f + n},{t},{m}{tail}" for a, p, q, f, n, t, m in rows]

    columns = read_columns("".join(f"{line}\n" for line in lines).encode())

    for n, line in enumerate(lines):
        trade = parse_agg_trade_row(line.encode(), "BTCUSDT")
        assert columns.agg_id[n] == trade.agg_id
        assert columns.price_e8[n] == trade.price_e8
        assert columns.quantity_e8[n] == trade.quantity_e8
        assert columns.first_trade_id[n] == trade.first_trade_id
        assert columns.last_trade_id[n] == trade.last_trade_id
        assert columns.event_ms[n] == trade.event_ms
        assert columns.taker_sold[n] == trade.taker_sold


@pytest.mark.parametrize(
    "line",
    [
        "7,0.0,1.0,7,7,1700000000000,True",
        "7,1.0,0.00000000,7,7,1700000000000,True",
        "7,1.0,1.0,7,7,1000000000005,True",
        "7,1.0,1.0,7,7,4102444800000,True",
    ],
)
def test_columns_leave_what_is_no_trade_to_the_line_parser(line: str) -> None:
    with pytest.raises(UnusualLinesError):
        read_columns(f"6,1.0,1.0,6,6,1700000000000,True\n{line}\n".encode())
    with pytest.raises(PoisonMessage):
        parse_agg_trade_row(line.encode(), "BTCUSDT")


@given(LINES, st.data())
def test_a_damaged_line_is_never_read_as_another_number(
    rows: list[tuple[int, str, str, int, int, int, str]], data: st.DataObject
) -> None:
    text = "".join(f"{a},{p},{q},{f},{f + n},{t},{m},True\n" for a, p, q, f, n, t, m in rows)
    at = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.sampled_from("x:;/-+ ,.\n\tTe"))
    damaged = text[:at] + sign + text[at + 1 :]
    if damaged == text or not damaged.endswith("\n"):
        return

    try:
        columns = read_columns(damaged.encode())
    except UnusualLinesError:
        return
    for n, line in enumerate(damaged.splitlines()):
        cells = line.split(",")
        assert [str(columns.agg_id[n]), str(columns.last_trade_id[n])] == [
            str(int(cells[0])),
            str(int(cells[4])),
        ]


@pytest.mark.parametrize(
    "line",
    [
        "7,.5,1.0,7,7,1700000000000,True,True",
        "7,1e2,1.0,7,7,1700000000000,True,True",
        "7,1e2,1.0,7,7,1700000000000,Tru,True",
        "0x7,1.0,1.0,7,7,1700000000000,True,True",
        "7,1.0,1.0,7,7,1700000000000,1,True",
        "7,1.0,1.0,7,7,1700000000000,,True",
        "7,1.0,1.0,+7,7,1700000000000,True,True",
        f"{2**62 + 1},1.0,1.0,7,7,1700000000000,True,True",
        f"7,{2**63 // 10**8 + 1}.0,1.0,7,7,1700000000000,True,True",
        "7,1.0,1.0,7,7,1700000000000",
    ],
)
def test_columns_read_no_number_that_the_line_parser_refuses(line: str) -> None:
    with pytest.raises(PoisonMessage):
        parse_agg_trade_row(line.encode(), "BTCUSDT")
    before = "6,1.0,1.0,6,6,1700000000000,True,True\n"
    for lines in (f"{before}{line}\n", f"{line}\n{before}", f"{line}\n"):
        with pytest.raises(UnusualLinesError):
            read_columns(lines.encode())


def test_an_empty_line_is_left_to_the_line_parser() -> None:
    line = "6,1.0,1.0,6,6,1700000000000,True,True\n"

    for lines in (f"{line}\n{line}", f"\n{line}", "\n\n"):
        with pytest.raises(UnusualLinesError):
            read_columns(lines.encode())


def test_a_whole_day_of_trades_has_the_digest_of_its_candles(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv"
    path.write_text(minutes(0, 1440))
    rest = tmp_path / "BTCUSDT-aggTrades-2024-08-10.csv"
    rest.write_text(minutes(1440, 1500))

    result = CliRunner().invoke(
        build_app(), ["replay", "--digest", "--csv", str(path), str(rest)], catch_exceptions=False
    )

    text = "".join(
        f"{DAY_MS + n * MINUTE_MS},100.5,100.5,100.5,100.5,0.25,25.125,2,0.25,25.125\n"
        for n in range(1440)
    )
    assert result.stdout.splitlines() == [
        "symbol,day,candles,sha256",
        f"BTCUSDT,2024-08-09,1440,{hashlib.sha256(text.encode()).hexdigest()}",
        "BTCUSDT,2024-08-10,59,",
    ]


def test_seconds_are_made_from_a_file_as_the_other_candles_are(tmp_path: Path) -> None:
    times = (0, 100, 1_500, 1_600, 4_000)
    file = tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv"
    file.write_text("".join(a_line(1000 + n, time=DAY_MS + ms) for n, ms in enumerate(times)))

    rows = replay(file, "--interval", "1s")

    found = [(int(row[1]) - DAY_MS, row[9], row[-1]) for row in rows]
    assert found == [
        (0, "4", "complete"),
        (1_000, "4", "complete"),
        (2_000, "0", "quiet"),
        (3_000, "0", "quiet"),
        (4_000, "2", "open"),
    ]


def test_json_has_the_same_candles_with_times_and_prices_as_the_api_gives_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv"
    path.write_text(minutes(0, 30))

    result = CliRunner().invoke(build_app(), ["replay", "--json", str(path)])

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["open_time"] for row in rows] == [
        "2024-08-09T00:00:00.000Z",
        "2024-08-09T00:15:00.000Z",
    ]
    assert [list(row.values())[3:] for row in rows] == [
        [*line[3:9], int(line[9]), *line[10:12], *map(int, line[12:14]), line[14]]
        for line in replay(path)
    ]
    with pytest.raises(ConfigurationError, match="choose one"):
        replay("--json", path)
