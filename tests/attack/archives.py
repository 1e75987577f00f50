"""4d: archive files that are no zip, no CSV, or whose rows cannot be true."""

import io
import zipfile
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from candlewick.offline.proving.folding import blocks_of_file, fold_file
from producers.binance.archive import archived_candles
from producers.binance.archive_names import Archive
from producers.binance.kline_csv import KlineFile, SetApart
from schemas.codecs import decode
from schemas.errors import PoisonMessage
from schemas.market import Candle
from schemas.timeframe import Interval
from schemas.validation import validate
from tests.attack.tally import Fault, Tally
from tests.attack.world import World

_OPEN_MS: Final = 1_735_689_600_000
_FILE: Final = KlineFile(
    "BTCUSDT", Interval.ONE_MINUTE, "archive-daily", _OPEN_MS, _OPEN_MS + 86_400_000
)
_TRADE_FILE: Final = Archive("BTCUSDT", None, date(2025, 1, 1), 1)
_ROW: Final = "1735689600000,10,12,9,11,5,1735689659999,55,3,2,22,0"
_TRADE: Final = "5,100.5,0.25,70,71,1735689600001,True,True"
_ABSURD: Final = (
    "", " ", "x", "-1", "1e2", "NaN", "inf", "0x1", "\u0663", '"1"', "9" * 400, "1.5.5", "=1+1",
    str(2**63), "1735689600000000", "4102444800000", "0\0",
)  # fmt: skip
_LARGE: Final = 50_000_000


def attack(world: World, tally: Tally) -> None:
    """Read each; it is refused, or every row that comes of it can be true."""
    lines = [_with(row, at, value) for row in (_ROW,) for at in range(11) for value in _ABSURD]
    trades = [_with(_TRADE, at, value) for at in range(7) for value in _ABSURD]
    for line in world.some(lines, in_short=90):
        _read(tally, _zip(line), _candles, line)
    for line in world.some(trades, in_short=60):
        _read(tally, _zip(line), _trades, line)
    for text in (
        "",
        "\n",
        "\ufeff" + "open_time,open\n",
        f"{_ROW}\n{_ROW}",
        f"{_ROW},1",
        _ROW[:-5],
        "\0" * 1_000,
        "x" * _LARGE,
        "," * 1_000_000,
    ):
        _must_refuse(tally, _zip(text), _candles, text[:60])
        _must_refuse(tally, _zip(text), _trades, text[:60])
    whole = _zip(_ROW).getvalue()
    for _ in range(60):
        broken = bytearray(whole)
        broken[world.random.randrange(len(broken))] ^= 1 << world.random.randrange(8)
        _read(tally, io.BytesIO(bytes(broken)), _candles, "a zip with one bit turned")
    for cut in range(0, len(whole), 7):
        _must_refuse(tally, io.BytesIO(whole[:cut]), _candles, f"a zip of {cut} bytes")
    _must_refuse(tally, _zip(_ROW, "a.csv", "b.csv"), _candles, "two files")
    for name in ("/etc/passwd", "../../x.csv", "x\r.csv"):  # names are of no use to anybody
        _read(tally, _zip(_ROW, name), _candles, name)


def _candles(held: io.BytesIO) -> Iterable[object]:
    for part in archived_candles(held, _FILE, _refuse):
        yield from part.candles()


def _refuse(row: SetApart) -> None:
    raise PoisonMessage(row.reason, raw=row.row.encode())


def _trades(held: io.BytesIO) -> Iterable[object]:
    found = fold_file(held, _TRADE_FILE, None, lambda _: None)
    blocks = [placed.block for placed in blocks_of_file(held, _TRADE_FILE)]
    return [*blocks, *(decode(Candle, value) for value in found.values)]


def _read(
    tally: Tally, held: io.BytesIO, use: Callable[[io.BytesIO], Iterable[object]], what: str
) -> int:
    """Return how many rows came of a file."""
    tally.tried += 1
    rows = 0
    try:
        for record in use(held):
            rows += 1
            validate(record)
    except PoisonMessage:
        return 0
    except ValueError as error:
        tally.blame(Fault.ACCEPTED, f"{error} in {what!r}")
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        tally.blame(Fault.CRASH, f"{error!r} for {what!r}")
    return rows


def _must_refuse(
    tally: Tally, held: io.BytesIO, use: Callable[[io.BytesIO], Iterable[object]], what: str
) -> None:
    if rows := _read(tally, held, use, what):
        tally.blame(Fault.ACCEPTED, f"{rows} rows of {what!r}")


def _with(row: str, at: int, value: str) -> str:
    cells = row.split(",")
    return ",".join([*cells[:at], value, *cells[at + 1 :]])


def _zip(text: str, *names: str) -> io.BytesIO:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("x.csv",):
            archive.writestr(name, text)
    held.seek(0)
    return held
