"""Conversion of holes, archive files and coins to the RowBinary rows of their tables. Pure."""

from schemas.coins import Coin, CoinDay
from schemas.history import ArchiveFile, CrossCheck, Hole, IrregularRow
from sinks.row_binary import decimal, int64, nullable, string, time, time_or_null


def hole_row(hole: Hole) -> bytes:
    """Convert a hole to a row of `holes`."""
    return b"".join(
        (
            string(hole.symbol),
            string(hole.interval),
            time(hole.open_ms),
            time(hole.close_ms),
            string(hole.kind),
            int64(hole.agg_id_before),
            int64(hole.agg_id_after),
            time_or_null(hole.before_ms),
            time_or_null(hole.after_ms),
            time(hole.checked_ms),
            string(hole.reason),
        )
    )


def irregular_row(row: IrregularRow) -> bytes:
    """Convert an irregular row to a row of `irregular_rows`."""
    return b"".join(
        (
            string(row.symbol),
            string(row.interval),
            string(row.source),
            string(row.file),
            time_or_null(row.open_ms),
            string(row.row),
            string(row.reason),
            time(row.noticed_ms),
        )
    )


def cross_check_row(check: CrossCheck) -> bytes:
    """Convert a comparison of a day to a row of `cross_checks`."""
    return b"".join(
        (
            string(check.symbol),
            time(check.open_ms),
            time(check.close_ms),
            string(check.state),
            int64(check.compared),
            int64(check.differing),
            time(check.seen_ms),
            time(check.checked_ms),
            string(check.reason),
        )
    )


def archive_row(file: ArchiveFile) -> bytes:
    """Convert an archive file to a row of `archives`."""
    return b"".join(
        (
            string(file.name),
            string(file.symbol),
            string(file.interval),
            string(file.source),
            time(file.open_ms),
            time(file.close_ms),
            string(file.sha256),
            int64(file.rows),
            string(file.state),
            time(file.changed_ms),
            string(file.reason),
        )
    )


def coin_row(coin: Coin) -> bytes:
    """Convert a coin to a row of `coins`."""
    return b"".join(
        (
            string(coin.coin_id),
            string(coin.ticker),
            string(coin.name),
            nullable(coin.rank, int64),
            nullable(coin.price_e8, decimal),
            nullable(coin.market_cap_e8, decimal),
            nullable(coin.fully_diluted_e8, decimal),
            nullable(coin.volume_24h_e8, decimal),
            nullable(coin.high_24h_e8, decimal),
            nullable(coin.low_24h_e8, decimal),
            nullable(coin.change_24h_e8, decimal),
            nullable(coin.market_cap_change_24h_e8, decimal),
            nullable(coin.circulating_supply_e8, decimal),
            nullable(coin.total_supply_e8, decimal),
            nullable(coin.max_supply_e8, decimal),
            nullable(coin.ath_e8, decimal),
            nullable(coin.ath_change_e8, decimal),
            nullable(coin.ath_ms, time),
            nullable(coin.atl_e8, decimal),
            nullable(coin.atl_change_e8, decimal),
            nullable(coin.atl_ms, time),
            time(coin.updated_ms),
            time(coin.fetched_ms),
        )
    )


def coin_day_row(day: CoinDay) -> bytes:
    """Convert a coin's day to a row of `coin_days`."""
    return b"".join(
        (
            string(day.coin_id),
            time(day.at_ms),
            decimal(day.price_e8),
            decimal(day.market_cap_e8),
            decimal(day.volume_24h_e8),
            time(day.fetched_ms),
        )
    )
