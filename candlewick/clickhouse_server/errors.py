"""Errors in ClickHouse's form: a code, a sentence, a name and an HTTP status."""

import re
from typing import Final

SYNTAX_ERROR: Final = 62
BAD_ARGUMENTS: Final = 36
UNKNOWN_FORMAT: Final = 73
UNKNOWN_DATABASE: Final = 81
READONLY: Final = 164
REQUIRED_PASSWORD: Final = 194
NOT_IMPLEMENTED: Final = 48
CANNOT_DECOMPRESS: Final = 271
CHECKSUM_DOESNT_MATCH: Final = 40
SESSION_NOT_FOUND: Final = 372
SESSION_IS_LOCKED: Final = 373
AUTHENTICATION_FAILED: Final = 516
NOT_ENOUGH_SPACE: Final = 243
UNKNOWN_EXCEPTION: Final = 1002

_NAMES: Final = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    READONLY: "READONLY",
    REQUIRED_PASSWORD: "REQUIRED_PASSWORD",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    CHECKSUM_DOESNT_MATCH: "CHECKSUM_DOESNT_MATCH",
    SESSION_NOT_FOUND: "SESSION_NOT_FOUND",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
}
_STATUS_CODES: Final = {
    400: (
        6,
        20,
        26,
        27,
        36,
        38,
        41,
        42,
        43,
        53,
        62,
        69,
        70,
        72,
        117,
        130,
        131,
        457,
        CANNOT_DECOMPRESS,
    ),
    401: (REQUIRED_PASSWORD,),
    403: (READONLY, 192, 193, 497, AUTHENTICATION_FAILED),
    404: (46, 47, 50, 56, 60, 63, 73, UNKNOWN_DATABASE, 115, SESSION_NOT_FOUND),
    408: (159,),
    501: (NOT_IMPLEMENTED,),
}
_STATUS_OF: Final = {code: status for status, codes in _STATUS_CODES.items() for code in codes}
# Where a part of the engine wraps an error of another part, the prefix stands there twice.
_ENGINE_MESSAGE: Final = re.compile(
    r"(Code: (?P<code>\d+)\. DB::Exception: )(Code: (?P=code)\. DB::Exception: )*(?P<reason>.*)",
    re.DOTALL,
)


class QueryError(Exception):
    """A request failed, for the reason that ClickHouse's error code names.

    Attributes:
        code: ClickHouse's error code.
        message: The whole text for the client, from ``Code:`` on.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status of the code; 500 for a code without one of its own.

        Source: ClickHouse, src/Server/HTTP/exceptionCodeToHTTPStatus.cpp.
        """
        return _STATUS_OF.get(self.code, 500)


_LOST: Final = "the engine refused this; its message is lost, as it has bytes that are not UTF-8"


def refused(code: int, reason: str) -> QueryError:
    """Build an error of this server in the same form as an engine's."""
    return QueryError(code, f"Code: {code}. DB::Exception: {reason} ({_NAMES[code]})")


def from_engine(error: Exception) -> QueryError:
    """Translate an exception of the engine, with the error code from its message."""
    # chDB fails to decode a message that quotes bytes which are not UTF-8.
    unread = error if isinstance(error, UnicodeDecodeError) else error.__context__
    text = str(error)
    if isinstance(unread, UnicodeDecodeError):
        text = unread.object.decode(errors="replace")
    elif unread is not None and not unread.args:  # early releases of Python 3.11 lose the message
        text = _LOST
    match = _ENGINE_MESSAGE.search(text)
    if match is None:
        return QueryError(UNKNOWN_EXCEPTION, f"Code: {UNKNOWN_EXCEPTION}. DB::Exception: {text}")
    return QueryError(int(match["code"]), match[1] + match["reason"].strip())
