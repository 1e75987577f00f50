"""Who asks ClickHouse, and the one table of what its errors mean; it needs no client library."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from schemas.errors import (
    CandlewickError,
    ConfigurationError,
    ContractMismatch,
    PoisonMessage,
    Transient,
)
from schemas.settings import ClickHouseSettings, variable_name

_LATER_S: Final = 1.0
_BUSY_S: Final = 5.0
_LONGEST_REASON: Final = 300
# Source: ClickHouse, src/Common/ErrorCodes.cpp. A code of no set is a refusal that stays.
_PASSWORD: Final = {192, 193, 194, 516}  # unknown user, wrong or required password
_NOT_ALLOWED: Final = 497
# No such table, column, function, setting, format; a type that does not fit.
_STRUCTURE: Final = {8, 9, 10, 16, 20, 36, 46, 47, 53, 60, 62, 73, 81, 115, 164, 386}
_ROWS: Final = {6, 27, 32, 33, 69, 70, 72, 117, 131, 190, 321, 349, 395, 407, 441, 469}  # data
_BUSY: Final = {  # too much at a time, too slow, cancelled, a network or a coordinator away
    *(3, 74, 158, 159, 160, 202, 203, 209, 210, 236, 241, 242, 243, 252, 285, 307, 319),
    *(394, 396, 425, 473, 722, 999),
}
# Checksums, lengths or files of stored parts that are not as they were written.
_DAMAGED: Final = {40, 226, 227, 228, 246, 271}
_TOO_MANY_PARTS: Final = 252
_PARTITIONS: Final = "partitions for single INSERT"  # the same code, but the rows' fault


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks which server.

    Attributes:
        place: Host and port, without a password.
        settings: Names of the settings of user and password, for an error.
    """

    place: str
    user: str
    password: str = field(repr=False)
    settings: tuple[str, str]


def writer_login(settings: ClickHouseSettings) -> Login:
    """Return the login of the user that writes."""
    return Login(
        _place(settings),
        settings.user,
        settings.password.get_secret_value(),
        _names("user", "password"),
    )


def reader_login(settings: ClickHouseSettings) -> Login:
    """Return the login of the user that may only read."""
    return Login(
        _place(settings),
        settings.reader_user,
        settings.reader_password.get_secret_value(),
        (
            variable_name("clickhouse", "reader_user"),
            variable_name("clickhouse", "reader_password"),
        ),
    )


def root_of(error: BaseException) -> str:
    """Return what an error came from: each library on the way wraps it in a longer sentence."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip() or repr(error)


def meaning(
    code: int | None, said: str, login: Login | None, *, rows: bytes = b""
) -> CandlewickError:
    """Return an error of ClickHouse as what to do next.

    Args:
        code: ClickHouse's own; None where there was no answer.
        said: What it, or the way to it, said about it.
        login: Who asked; None where that is not known.
        rows: What was to be inserted; empty where nothing was.
    """
    line, at = said.splitlines()[0][:_LONGEST_REASON], at_place(login)
    if code is None:
        address = variable_name("clickhouse", "url")
        return Transient(
            f"ClickHouse does not answer{at}: start it, or set {address} ({line})",
            retry_after_s=_LATER_S,
        )
    if code in _PASSWORD and login is not None:
        return ConfigurationError(
            f"ClickHouse{at} refuses the password of {login.user}: "
            f"set {' and '.join(login.settings)}"
        )
    if code in _PASSWORD or code == _NOT_ALLOWED:
        return ConfigurationError(f"ClickHouse{at} does not allow it: {line}")
    if rows and (code in _ROWS or (code == _TOO_MANY_PARTS and _PARTITIONS in line)):
        return PoisonMessage(f"ClickHouse refuses the rows: {line}", raw=rows)
    return _refusal(code, line, at)


def _refusal(code: int, line: str, at: str) -> CandlewickError:
    if code in _BUSY:
        return Transient(f"ClickHouse{at} cannot do it now: {line}", retry_after_s=_BUSY_S)
    if code in _DAMAGED:
        return ConfigurationError(
            f"the disk of ClickHouse{at} does not hold what was written to it: `candlewick doctor` "
            f"says which part is damaged, and what to do ({line})"
        )
    if code in _STRUCTURE:
        return ContractMismatch(
            f"the tables of ClickHouse{at} are not as this version needs them, apply the "
            f"migrations (`candlewick migrate`): {line}"
        )
    return ContractMismatch(f"ClickHouse{at} refuses what this version asks: {line}")


def _names(user: str, password: str) -> tuple[str, str]:
    return variable_name("clickhouse", user), variable_name("clickhouse", password)


def at_place(login: Login | None) -> str:
    """Return where, for a message; nothing where that is not known."""
    return f" at {login.place}" if login else ""


def _place(settings: ClickHouseSettings) -> str:
    return urlsplit(settings.url).netloc.rpartition("@")[2]
