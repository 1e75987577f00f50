"""A lexer of ClickHouse SQL that only distinguishes words, strings, comments and brackets."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

# Spaces beyond ASCII, as they come with text that is pasted: U+00A0, U+2003, U+FEFF and others.
# Source: ClickHouse, src/Common/StringUtils.h, skipWhitespacesUTF8.
_SPACE: Final = (
    rb"(?: \xc2[\x85\xa0] | \xe1\xa0\x8e | \xe2\x80[\x80-\x8d\xa8\xa9\xaf]"
    rb" | \xe2\x81[\x9f\xa0] | \xe3\x80\x80 | \xef\xbb\xbf )"
)
_TOKEN: Final = re.compile(
    rb"""
      (?P<skip>    (?: \s | %(space)b )+ | (?: -- | // | \#[!\ ] ) [^\n]* )
    | (?P<comment> /\* )
    | (?P<begins>  \$\w*\$ | \xe2\x80[\x98\x9c] )
    | (?P<text>    '(?:[^'\\]|\\.|'')*' )
    | (?P<quoted>  `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" )
    | (?P<word>    [A-Za-z_\x80-\xff] (?: [\w$]+ | (?! %(space)b ) [\x80-\xff] )* | \d\w* )
    | (?P<open>    ['"`] )
    | (?P<mark>    . )
    """
    % {b"space": _SPACE},
    re.VERBOSE | re.DOTALL,
)
# Opening and closing curly quotes; a tag between dollar signs is closed by the same tag.
_CURLY: Final = {b"\xe2\x80\x98": b"\xe2\x80\x99", b"\xe2\x80\x9c": b"\xe2\x80\x9d"}
_OPENING_DOUBLE: Final = b"\xe2\x80\x9c"
_TAG: Final = re.compile(rb"(?=(\$\w*\$))")  # a lookahead, to find overlapping tags too
_COMMENT_EDGE: Final = re.compile(rb"/\*|\*/")
_NESTING: Final = {b"(": 1, b"[": 1, b"{": 1, b")": -1, b"]": -1, b"}": -1}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (`text`, `quoted`, `word`, `open`, `mark`), place and bracket depth.

    `open` is an unclosed quote or comment, which extends to the end of the text.
    """

    kind: str
    raw: bytes
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """The word in capitals; empty for other kinds."""
        return self.raw.decode(errors="replace").upper() if self.kind == "word" else ""

    @property
    def identifier(self) -> str:
        """The name as written, without quotes; empty for other kinds."""
        if self.kind == "quoted":
            return self.raw.decode(errors="replace")[1:-1]
        return self.raw.decode(errors="replace") if self.kind == "word" else ""


def tokens(sql: bytes) -> Iterator[Token]:
    """Split a statement, one token at a time, without white space and comments.

    Source: ClickHouse, src/Parsers/Lexer.cpp.
    """
    depth = position = 0
    tags: Mapping[bytes, int] | None = None
    while (match := _TOKEN.match(sql, position)) is not None:
        position = match.end()
        kind, raw = str(match.lastgroup), match[0]
        if kind == "skip":
            continue
        if kind == "begins":
            tags = _last_tags(sql) if tags is None else tags
            kind, position = _of_a_pair(sql, raw, position, tags)
            raw = sql[match.start() : position]
        if kind == "comment":
            position = _end_of_comment(sql, position)
            kind = "open" if position < 0 else kind
        if kind == "comment":
            continue
        if kind == "open":
            yield Token(kind, sql[match.start() :], match.start(), len(sql), depth)
            return
        depth += min(_NESTING.get(raw, 0), 0) if kind == "mark" else 0
        yield Token(kind, raw, match.start(), position, depth)
        depth += max(_NESTING.get(raw, 0), 0) if kind == "mark" else 0


def _last_tags(sql: bytes) -> dict[bytes, int]:
    """Map each tag to its last position, so that no search runs to the end for an unclosed one."""
    return {found[1]: found.start() for found in _TAG.finditer(sql)}


def _of_a_pair(
    sql: bytes, begin: bytes, position: int, tags: Mapping[bytes, int]
) -> tuple[str, int]:
    """Return the kind and the end of a token that starts with a tag or a curly quote."""
    if begin not in _CURLY and tags[begin] < position:
        return "mark", position - len(begin) + 1  # a dollar sign alone
    end = _CURLY.get(begin, begin)
    at = sql.find(end, position)
    if at < 0:
        return "open", len(sql)
    return ("quoted" if begin == _OPENING_DOUBLE else "text"), at + len(end)


def _end_of_comment(sql: bytes, position: int) -> int:
    """Return the end of a comment, which may contain comments; -1 if it is not closed."""
    level = 1
    while level and (edge := _COMMENT_EDGE.search(sql, position)) is not None:
        position = edge.end()
        level += 1 if edge[0] == b"/*" else -1
    return -1 if level else position
