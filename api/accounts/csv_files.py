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
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except UnicodeDecodeError as error:
        raise ValueError("the file is not UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"the file is not CSV: {error}") from error
    while rows and not rows[-1]:
        rows.pop()
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != IMPORTED:
        raise ValueError(f"the first row must be {','.join(IMPORTED)}")
    if not 1 < len(rows) <= most + 1:
        raise ValueError(f"1 to {most} users are needed, there are {len(rows) - 1}")
    return rows


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
    if (fault := password_fault(password, name)) is not None:
        yield RowFault(number, "password", fault)


def _repeated(rows: list[list[str]]) -> Iterator[RowFault]:
    seen: set[str] = set()
    for number, row in enumerate(rows[1:], 2):
        name = row[0].lower() if row else ""
        if name in seen:
            yield RowFault(number, "username", "is in the file twice")
        seen.add(name)
