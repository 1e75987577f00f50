"""Dead letters: the bytes that could not be read, and headers with their origin and the reason."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.codecs import Headers, Message

LARGEST_VALUE: Final = 256 * 1024  # a letter must fit even where the record did not
LONGEST_REASON: Final = 2_000
LARGEST_KEY: Final = 1_024
MOST_HEADERS: Final = 20
MOST_PARTS: Final = 100
_REASON: Final = "reason"
_TOPIC: Final = "origin-topic"
_PARTITION: Final = "origin-partition"
_OFFSET: Final = "origin-offset"
_KEY: Final = "origin-key"
_SOURCE: Final = "origin-source"
_READER: Final = "reader"
_LENGTH: Final = "length"
_SHA256: Final = "sha256"
_RETRIED: Final = "retried-ms"
_LEFT_OUT: Final = "left-out"
_OWN: Final = "origin-header-"
_UNKNOWN: Final = -1
_LONGEST_NUMBER: Final = 19
_NO_ID: Final = 2**63


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a record that could not be used, and the reason.

    Attributes:
        reason: Why the record could not be used, for people.
        topic: Empty if it came from no topic.
        partition: -1 if it came from no topic, like ``offset``.
        reader: The process that read it: sinks, candles, predictor, ...
        source: The address it came from, if it came from no topic.
        key: The record's key; None if it had none.
        headers: The record's headers.
        left_out: Aggregate ids ``[first, next)`` of a block that were not used, where others of it
            were; empty where nothing of the record was used.
    """

    reason: str
    topic: str = ""
    partition: int = _UNKNOWN
    offset: int = _UNKNOWN
    reader: str = ""
    source: str = ""
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    left_out: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter, read from its topic.

    Attributes:
        value: The record's bytes; of a large record the first `LARGEST_VALUE`.
        length: Length of the whole record, in bytes.
        sha256: SHA-256 of the whole record, in hexadecimal digits.
        retried_ms: When it was sent to its topic again, our clock; -1 if it was not.
    """

    origin: Origin
    value: bytes
    length: int
    sha256: str
    retried_ms: int = _UNKNOWN

    @property
    def is_whole(self) -> bool:
        """Whether ``value`` contains all bytes of the record."""
        return len(self.value) == self.length

    @property
    def name(self) -> str:
        """Identity of the dead record: the same for every reader and every repetition."""
        return _name(self.origin, self.sha256)


def letter_of(raw: bytes, origin: Origin, *, retried_ms: int = _UNKNOWN) -> Message:
    """Build the message of a dead letter; it always fits into Kafka's default record size."""
    sha256 = hashlib.sha256(raw).hexdigest()
    headers = [
        (_REASON, origin.reason[:LONGEST_REASON].encode(errors="replace")),
        (_TOPIC, origin.topic.encode()),
        (_PARTITION, str(origin.partition).encode()),
        (_OFFSET, str(origin.offset).encode()),
        (_READER, origin.reader.encode()),
        (_SOURCE, origin.source[:LONGEST_REASON].encode(errors="replace")),
        (_LENGTH, str(len(raw)).encode()),
        (_SHA256, sha256.encode()),
    ]
    if origin.key is not None:
        headers.append((_KEY, origin.key[:LARGEST_KEY]))
    if origin.left_out:
        parts = (f"{first}-{end}" for first, end in origin.left_out[:MOST_PARTS])
        headers.append((_LEFT_OUT, " ".join(parts).encode()))
    if retried_ms != _UNKNOWN:
        headers.append((_RETRIED, str(retried_ms).encode()))
    for name, value in origin.headers[:MOST_HEADERS]:
        headers.append((_OWN + name[:LARGEST_KEY], value[:LARGEST_KEY]))
    return Message(_name(origin, sha256).encode(), raw[:LARGEST_VALUE], tuple(headers))


def read_letter(value: bytes | None, headers: Headers | None) -> DeadLetter:
    """Read a message of the dead-letter topic; a missing header leaves its value unknown."""
    raw = value or b""
    pairs = plain_headers(headers)
    known = dict(pairs)
    texts = {name: data.decode(errors="replace") for name, data in pairs}
    length = _number(texts.get(_LENGTH, ""))
    origin = Origin(
        reason=texts.get(_REASON, "no reason given"),
        topic=texts.get(_TOPIC, ""),
        partition=_number(texts.get(_PARTITION, "")),
        offset=_number(texts.get(_OFFSET, "")),
        reader=texts.get(_READER, ""),
        source=texts.get(_SOURCE, ""),
        key=known.get(_KEY),
        headers=_own(pairs),
        left_out=tuple(_parts(texts.get(_LEFT_OUT, ""))),
    )
    return DeadLetter(
        origin,
        raw,
        len(raw) if length == _UNKNOWN else length,
        texts.get(_SHA256) or hashlib.sha256(raw).hexdigest(),
        _number(texts.get(_RETRIED, "")),
    )


def plain_headers(headers: Headers | None) -> tuple[tuple[str, bytes], ...]:
    """Convert the headers of a record to the form that `Origin` stores."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return tuple((name, _bytes(text)) for name, text in pairs)


def _own(pairs: Iterable[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name.removeprefix(_OWN), v) for name, v in pairs if name.startswith(_OWN))


def _parts(text: str) -> Iterable[tuple[int, int]]:
    for part in text.split():
        first, end = map(_number, part.partition("-")[::2])
        if 0 <= first < end < _NO_ID:
            yield first, end


def _name(origin: Origin, sha256: str) -> str:
    if not origin.topic:
        return sha256
    return f"{origin.topic}/{origin.partition}/{origin.offset}"


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else _UNKNOWN
