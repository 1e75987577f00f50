"""Retention of tables: translates settings into ClickHouse's TTLs, and applies them."""

from collections.abc import Iterator

from clients.clickhouse import Client
from schemas.migrations import for_cluster
from schemas.settings import LifecycleSettings

_FOUND = r"""
SELECT name, extract(create_table_query, '\\sTTL (.*?)(?: SETTINGS .*)?$') AS ttl
FROM system.tables
WHERE database = currentDatabase() AND name IN {names:Array(String)}
"""


def wanted_ttls(settings: LifecycleSettings) -> dict[str, str]:
    """Return the TTL of each table with settings, as ClickHouse writes it; "" for none.

    The age of a row counts from the time it was stored, so backfilled rows are not deleted at once.
    """
    level, candles = settings.zstd_level, settings.candles_recompress_days
    shown = f"{_age(2)} WHERE NOT scored"  # predictions between two minutes, for display
    scores = _ttl(settings.predictions_days, 0, level)
    return {
        "trades": _ttl(settings.trades_days, settings.trades_recompress_days, level),
        "candles_live": _ttl(settings.live_candles_days, 0, level),
        "candles": _ttl(settings.candles_days, candles, level),
        "candles_1s": _ttl(settings.seconds_days, 0, level),
        "klines": _ttl(settings.klines_days, candles, level),
        "candle_revisions": _ttl(settings.candles_days, candles, level),
        "candle_days": _ttl(settings.candles_days, 0, level),
        "predictions": f"{shown}, {scores}" if scores else shown,
        "scores": scores,
        "coins": _ttl(settings.coins_days, 0, level),
    }


def change_ttls(client: Client, settings: LifecycleSettings, *, cluster: str | None) -> list[str]:
    """Change the TTLs that differ from the settings; return the names of the changed tables."""
    found, wanted = found_ttls(client, settings), wanted_ttls(settings)
    changed = [name for name in wanted if name in found and found[name] != wanted[name]]
    for name in changed:
        client.command(for_cluster(_statement(name, wanted[name]), cluster))
    return changed


def found_ttls(client: Client, settings: LifecycleSettings) -> dict[str, str]:
    """Return the present TTL of each existing table."""
    names = {"names": list(wanted_ttls(settings))}
    return {str(row[0]): str(row[1]) for row in client.query(_FOUND, names).result_rows}


def _statement(table: str, ttl: str) -> str:
    return f"ALTER TABLE {table} MODIFY TTL {ttl}" if ttl else f"ALTER TABLE {table} REMOVE TTL"


def _ttl(days: int, recompress_days: int, level: int) -> str:
    return ", ".join(_rules(days, recompress_days, level))


def _rules(days: int, recompress_days: int, level: int) -> Iterator[str]:
    if days:
        yield _age(days)
    if recompress_days and (not days or recompress_days < days):
        yield f"{_age(recompress_days)} RECOMPRESS CODEC(ZSTD({level}))"


def _age(days: int) -> str:
    return f"toDateTime(stored_time) + toIntervalDay({days})"
