"""ClickHouse SQL to tokens: enough to tell words from strings and comments, and no more."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    rb"""
      (?P<skip>    \s+ | (?: -- | // | \#[!\ ] ) [^\n]* )
    | (?P<comment> /\* )
    | (?P<text>   '(?:[^'\\]|\\.|'')*' | (?P<tag>\$\w*\$).*?(?P=tag) | \xe2\x80\x98.*?\xe2\x80\x99 )
    | (?P<quoted>  `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" | \xe2\x80\x9c.*?\xe2\x80\x9d )
    | (?P<word>    [A-Za-z_\x80-\xff][\w$\x80-\xff]* | \d\w* )
    | (?P<open>    ['"`] )
    | (?P<mark>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE: Final = re.compile(rb"/\*|\*/")
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
            return self.raw.decode(errors="replace")[1:-1]
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
        if kind == "comment":
            position = _end_of_comment(sql, position)
            kind = "open" if position < 0 else kind
        if kind == "comment":
            continue
        if kind == "open":
            yield Token(kind, sql[match.start() :], match.start(), len(sql), depth)
            return
        depth += min(_NESTING.get(match[0], 0), 0) if kind == "mark" else 0
        yield Token(kind, match[0], match.start(), match.end(), depth)
        depth += max(_NESTING.get(match[0], 0), 0) if kind == "mark" else 0


def _end_of_comment(sql: bytes, position: int) -> int:
    """Where a comment ends, those inside of it counted; -1 where it does not."""
    level = 1
    while level and (edge := _COMMENT_EDGE.search(sql, position)) is not None:
        position = edge.end()
        level += 1 if edge[0] == b"/*" else -1
    return -1 if level else position
