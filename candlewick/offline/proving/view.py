"""Terminal view of a proof of the past: bars while it runs, a summary at its end."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from candlewick.offline.proving.plan import length_days
from candlewick.offline.proving.progress import ProofProgress, SymbolProof
from candlewick.terminal.numbers import marked

_BAR = 30


def running_view(progress: ProofProgress, now_s: float) -> RenderableType:
    """Return a bar for each symbol, and one line about the total."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for symbol in progress.symbols:
        days = length_days(symbol.wanted)
        bar = ProgressBar(total=max(days, 1), completed=symbol.done_days, width=_BAR)
        done = f"{symbol.done_days:,} of {days:,} days"
        table.add_row(symbol.symbol, bar, done, symbol.file)
    trades = sum(symbol.trades for symbol in progress.symbols)
    rate = trades / max(now_s - progress.started_s, 0.001)
    parts = [f"{trades:,} trades", f"{rate:,.0f} trades/s"]
    return Group(table, Text(" · ".join([*parts, *([progress.says] if progress.says else [])])))


def summary(progress: ProofProgress) -> Table:
    """Return a table of what was proven, with a row for each symbol."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("symbol")
    names = ("days", "read before", "missing", "trades", "candles", "gapped", "verified")
    for name in (*names, "mismatch", "not compared"):
        table.add_column(name, justify="right")
    table.add_column("why")
    for s in progress.symbols:
        counts = (f"{s.done_days:,}", f"{s.begun:,}", marked(length_days(s.missing)))
        made = (f"{s.trades:,}", f"{s.candles:,}", marked(s.gapped))
        checked = ("-", "-", "-")
        if s.is_compared:
            checked = (f"{s.verified:,}", marked(s.mismatched), f"{s.unchecked:,}")
        table.add_row(s.symbol, *counts, *made, *checked, "; ".join(dict.fromkeys(s.notes)))
    return table


def symbol_row(symbol: SymbolProof) -> dict[str, object]:
    """Return what was proven of a symbol, as a row of JSON; null for what was not compared."""
    compared = (symbol.verified, symbol.mismatched, symbol.unchecked, symbol.absent)
    verified, mismatched, unchecked, absent = compared if symbol.is_compared else (None,) * 4
    return {
        "symbol": symbol.symbol,
        "days": symbol.done_days,
        "read_before": symbol.begun,
        "missing": length_days(symbol.missing),
        "trades": symbol.trades,
        "candles": symbol.candles,
        "gapped": symbol.gapped,
        "verified": verified,
        "mismatch": mismatched,
        "not_compared": unchecked,
        "absent": absent,
        "why": symbol.notes,
    }
