"""Printer of tables that never splits a word or number, however narrow the terminal is."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

_GAP: Final = 2  # between two columns
_PROSE: Final = 24  # the width from which a column of words is easy to read


def print_whole(console: Console, table: Table, *, spare: Sequence[str] = ()) -> None:
    """Print a table; if it is too wide, leave out columns, then wrap between words.

    If it still does not fit, print each row as a few lines of headings and values.

    Args:
        console: Console to print to.
        table: Table without rules, whose cells are text.
        spare: Headings of the columns that may be left out, the least important first.
    """
    columns = list(table.columns)
    for name in spare:
        if _total(map(_comfortable, columns)) <= console.width:
            break
        columns = [column for column in columns if column.header != name]
    widths = list(map(_comfortable, columns))
    if _total(widths) > console.width:
        widths = list(map(_least, columns))
    if _total(widths) > console.width:
        _print_lines(console, table)
    else:
        console.print(_narrowed(table, columns, _grown(columns, widths, console.width)))


def _narrowed(table: Table, columns: Sequence[Column], widths: Sequence[int]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold", title=table.title)
    shown.caption, shown.caption_justify = table.caption, table.caption_justify
    for column, width in zip(columns, widths, strict=True):
        shown.add_column(column.header, justify=column.justify, width=width)
    for cells in zip(*(column.cells for column in columns), strict=True):
        shown.add_row(*cells)
    return shown


def _grown(columns: Sequence[Column], least: Sequence[int], width: int) -> list[int]:
    """Widen columns to the total width, each time the one that lacks most."""
    widths = list(least)
    for _ in range(width - _total(widths)):
        lacks = [_most(column) - given for column, given in zip(columns, widths, strict=True)]
        neediest = max(range(len(lacks)), key=lacks.__getitem__)
        widths[neediest] += lacks[neediest] > 0
    return widths


def _print_lines(console: Console, table: Table) -> None:
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        line = Text()
        for column, cell in zip(table.columns, cells, strict=True):
            pair = Text.assemble((f"{_text(column.header)} ", "bold"), _text(cell))
            if line and len(line) + len(pair) + _GAP > console.width:
                console.print(line)
                line = Text("  ")
            line.append(" " * _GAP if line.plain.strip() else "").append(pair)
        console.print(line)


def _total(widths: Iterator[int] | Sequence[int]) -> int:
    each = list(widths)
    return sum(each) + _GAP * (len(each) - 1)


def _comfortable(column: Column) -> int:
    if column.no_wrap:
        return _most(column)
    return min(_most(column), max(_least(column), _PROSE))


def _most(column: Column) -> int:
    return max(cell_len(line) for text in _texts(column) for line in text.plain.split("\n"))


def _least(column: Column) -> int:
    return max(cell_len(word) for text in _texts(column) for word in text.plain.split() or [""])


def _texts(column: Column) -> Iterator[Text]:
    yield _text(column.header)
    yield from map(_text, column.cells)


def _text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text.from_markup(str(cell))
