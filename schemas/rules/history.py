"""Checks of holes, archive files, histories, coins and coin days; each raises ValueError."""

from itertools import pairwise
from typing import Final

from schemas.coins import Coin, CoinDay
from schemas.history import (
    ArchiveFile,
    ArchiveState,
    CheckState,
    CrossCheck,
    History,
    Hole,
    HoleKind,
    IrregularRow,
)
from schemas.market import CandleSource
from schemas.rules.checks import (
    LARGEST_AMOUNT_E8,
    LARGEST_ID,
    check_name,
    check_one_of,
    check_range,
    check_symbol,
    check_text,
    check_time,
    check_time_or_unknown,
)
from schemas.timeframe import Interval

_UNKNOWN_ID: Final = -1
_LARGEST_RANK: Final = 10_000_000
_SHA256_LETTERS: Final = 64
_AMOUNTS: Final = (
    "price_e8",
    "market_cap_e8",
    "fully_diluted_e8",
    "volume_24h_e8",
    "high_24h_e8",
    "low_24h_e8",
    "circulating_supply_e8",
    "total_supply_e8",
    "max_supply_e8",
    "ath_e8",
    "atl_e8",
)
_CHANGES: Final = ("change_24h_e8", "market_cap_change_24h_e8", "ath_change_e8", "atl_change_e8")


def check_hole(hole: Hole) -> None:
    """Refuse a hole without candles, or of an unknown kind."""
    check_symbol(hole.symbol)
    check_one_of("interval", hole.interval, Interval)
    _check_run(hole.open_ms, hole.close_ms)
    check_one_of("kind", hole.kind, HoleKind)
    check_range("trade before", hole.agg_id_before, _UNKNOWN_ID, LARGEST_ID)
    check_range("trade after", hole.agg_id_after, _UNKNOWN_ID, LARGEST_ID)
    check_time_or_unknown("time before", hole.before_ms)
    check_time_or_unknown("time after", hole.after_ms)
    check_time("checked", hole.checked_ms)
    check_text("reason", hole.reason)


def check_irregular_row(row: IrregularRow) -> None:
    """Refuse an irregular row without a market, a source or a reason."""
    check_symbol(row.symbol)
    check_one_of("interval", row.interval, Interval)
    check_one_of("source", row.source, CandleSource)
    check_text("file", row.file)
    check_time_or_unknown("open", row.open_ms)
    check_text("row", row.row)
    check_name("reason", row.reason)
    check_time("noticed", row.noticed_ms)


def check_cross_check(check: CrossCheck) -> None:
    """Refuse a comparison of no time or state, or with more differences than candles."""
    check_symbol(check.symbol)
    _check_run(check.open_ms, check.close_ms)
    check_one_of("state", check.state, CheckState)
    check_range("compared", check.compared, 0, LARGEST_ID)
    check_range("differing", check.differing, 0, check.compared)
    check_time("seen", check.seen_ms)
    check_time("checked", check.checked_ms)
    check_text("reason", check.reason)


def check_archive(file: ArchiveFile) -> None:
    """Refuse an archive file without a name or a time range, or with a malformed checksum."""
    check_name("file name", file.name)
    check_symbol(file.symbol)
    check_one_of("interval", file.interval, Interval)
    check_one_of("source", file.source, CandleSource)
    _check_run(file.open_ms, file.close_ms)
    if file.sha256 and not (len(file.sha256) == _SHA256_LETTERS and file.sha256.isalnum()):
        raise ValueError(f"checksum {file.sha256[:80]!r} is not a SHA-256")
    check_range("rows", file.rows, 0, LARGEST_ID)
    check_one_of("state", file.state, ArchiveState)
    check_time("changed", file.changed_ms)
    check_text("reason", file.reason)


def check_history(history: History) -> None:
    """Refuse a history whose runs overlap, go back in time or have no end."""
    check_symbol(history.symbol)
    check_one_of("interval", history.interval, Interval)
    for name, runs in (("held", history.held), ("absent", history.absent)):
        if len(runs) % 2 or any(before >= after for before, after in pairwise(runs)):
            raise ValueError(f"{name} is not an ascending list of runs")
        for time_ms in runs[:1] + runs[-1:]:
            check_time(name, time_ms)
    check_range("partition", history.partition, 0, 2**31)
    check_range("next offset", history.next_offset, 0, LARGEST_ID)
    check_time("changed", history.changed_ms)


def check_coin(coin: Coin) -> None:
    """Refuse a coin without a name, or with a negative price or supply."""
    check_name("coin id", coin.coin_id)
    check_name("ticker", coin.ticker)
    check_name("name", coin.name)
    if coin.rank is not None:
        check_range("rank", coin.rank, 1, _LARGEST_RANK)
    for names, least in ((_AMOUNTS, 0), (_CHANGES, -LARGEST_AMOUNT_E8)):
        for name in names:
            amount = getattr(coin, name)
            if amount is not None:
                check_range(name, amount, least, LARGEST_AMOUNT_E8)
    for moment, time_ms in (("high", coin.ath_ms), ("low", coin.atl_ms)):
        if time_ms is not None:
            check_time(f"time of the all-time {moment}", time_ms)
    check_time("updated", coin.updated_ms)
    check_time("fetched", coin.fetched_ms)


def check_coin_day(day: CoinDay) -> None:
    """Refuse a day without a coin, or with a negative price, capitalisation or volume."""
    check_name("coin id", day.coin_id)
    check_time("day", day.at_ms)
    for name in ("price_e8", "market_cap_e8", "volume_24h_e8"):
        check_range(name, getattr(day, name), 0, LARGEST_AMOUNT_E8)
    check_time("fetched", day.fetched_ms)


def _check_run(open_ms: int, close_ms: int) -> None:
    check_time("open", open_ms)
    check_time("close", close_ms)
    if open_ms >= close_ms:
        raise ValueError(f"{open_ms} to {close_ms} ms contains no candle")
