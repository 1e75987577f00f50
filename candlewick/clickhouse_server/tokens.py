"""ClickHouse SQL to tokens: enough to tell words from strings and comments, and no more."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    rb"""
      (?P<skip>   \s+ | --[^\n]* | \#[!\ ][^\n]* | /\*.*?\*/ )
    | (?P<text>   '(?:[^'\\]|\\.|'')*' | (?P<tag>\$\w*\$).*?(?P=tag) )
    | (?P<quoted> `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" )
    | (?P<word>   [\w\x80-\xff]+ )
    | (?P<open>   ['"`] | /\* )
    | (?P<mark>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTING: Final = {b"(": 1, b"[": 1, b"{": 1, b")": -1, b"]": -1, b"}": -1}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (`text`, `quoted`, `word`, `open`, `mark`), place and bracket depth.

    `open` is a quote or comment that nothing closes; it reaches to the end.
    """

    kind: str
    raw: bytes
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """The word in capitals, empty for what is not one."""
        return self.raw.decode(errors="replace").upper() if self.kind == "word" else ""

    @property
    def identifier(self) -> str:
        """The name as written, quotes taken off; empty for what is not one."""
        if self.kind == "quoted":
            return self.raw[1:-1].decode(errors="replace")
        return self.raw.decode(errors="replace") if self.kind == "word" else ""


def tokens(sql: bytes) -> Iterator[Token]:
    """Split a statement, one token at a time, without white space and comments.

    Source: ClickHouse, src/Parsers/Lexer.cpp.
    """
    depth = position = 0
    while (match := _TOKEN.match(sql, position)) is not None:
        position = match.end()
        kind = "text" if match.lastgroup == "tag" else str(match.lastgroup)
        if kind == "skip":
            continue
        if kind == "open":
            yield Token(kind, sql[match.start() :], match.start(), len(sql), depth)
            return
        depth += min(_NESTING.get(match[0], 0), 0) if kind == "mark" else 0
        yield Token(kind, match[0], match.start(), match.end(), depth)
        depth += max(_NESTING.get(match[0], 0), 0) if kind == "mark" else 0
