"""Import and export of users as CSV; passwords are never exported.

Cells that a spreadsheet would run as a formula are refused on import and quoted on export.
Source: OWASP, "CSV Injection".
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.accounts.users import NewUser, Role, User, password_fault, username_fault
from api.http.times import iso

IMPORTED = ("username", "role", "password")
EXPORTED = ("username", "role", "created_time")
_OTHER_MARKS = {";": ";", "\t": "a tab"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


@dataclass(frozen=True, slots=True)
class RowFault:
    """An error in a row; the first row after the header is row 2, as in spreadsheets."""

    row: int
    column: str
    message: str


def read_users(data: bytes, *, most: int) -> tuple[list[NewUser], list[RowFault]]:
    """Return the users of a CSV file, and all errors in it; with any error there are no users."""
    try:
        rows = _rows(data, most)
    except ValueError as error:
        return [], [RowFault(1, "", str(error))]
    faults = [fault for number, row in enumerate(rows[1:], 2) for fault in _faults(number, row)]
    faults += _repeated(rows)
    if faults:
        return [], faults
    return [NewUser(name, Role(role.strip()), password) for name, role, password in rows[1:]], []


def write_users(users: Sequence[User]) -> str:
    """Return users as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(EXPORTED)
    for user in users:
        writer.writerow([harmless(user.username), user.role.value, iso(user.created_ms)])
    return out.getvalue()


def harmless(cell: str) -> str:
    """Return a cell quoted so that no spreadsheet runs it as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _rows(data: bytes, most: int) -> list[list[str]]:
    """Return the rows with the header; raises ValueError if the file is not a list of users."""
    try:
        text = data.decode("utf-8-sig")
        # Of a line end of any system; people write a blank after a comma, also before a quote.
        file = io.StringIO(text, newline="")
        rows = list(csv.reader(file, strict=True, skipinitialspace=True))
    except UnicodeDecodeError as error:
        raise ValueError("the file is not UTF-8: save it as “CSV UTF-8”") from error
    except csv.Error as error:
        raise ValueError(f"the file is not CSV: {error}") from error
    while rows and not any(map(str.strip, rows[-1])):  # also those that were emptied: `,,`
        rows.pop()
    _check_header(rows[0] if rows else [])
    if not 1 < len(rows) <= most + 1:
        raise ValueError(f"1 to {most} users are needed, there are {len(rows) - 1}")
    return rows


def _check_header(header: list[str]) -> None:
    if _names(header) == IMPORTED:
        return
    for mark, name in _OTHER_MARKS.items():  # those of spreadsheets with other languages
        if _names(mark.join(header).split(mark)) == IMPORTED:
            raise ValueError(f"the cells are separated by {name}: save the file with commas")
    raise ValueError(f"the first row must be {','.join(IMPORTED)}")


def _names(header: list[str]) -> tuple[str, ...]:
    return tuple(cell.strip().lower() for cell in header)


def _faults(number: int, row: list[str]) -> Iterator[RowFault]:
    if len(row) != len(IMPORTED):
        yield RowFault(number, "", f"{len(IMPORTED)} cells are needed, there are {len(row)}")
        return
    name, role, password = row
    if name.startswith(_FORMULA):
        yield RowFault(number, "username", "a spreadsheet would run it as a formula")
    elif (fault := username_fault(name)) is not None:
        yield RowFault(number, "username", fault)
    if role.strip() not in set(Role):
        yield RowFault(number, "role", f"one of {', '.join(Role)}")
    if password != password.strip():  # cut, it would be another; kept, nobody would type it
        yield RowFault(number, "password", "begins or ends with a blank")
    elif (fault := password_fault(password, name)) is not None:
        yield RowFault(number, "password", fault)


def _repeated(rows: list[list[str]]) -> Iterator[RowFault]:
    seen: set[str] = set()
    for number, row in enumerate(rows[1:], 2):
        name = row[0].lower() if row else ""
        if name in seen:
            yield RowFault(number, "username", "is in the file twice")
        seen.add(name)
