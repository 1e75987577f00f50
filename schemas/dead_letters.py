"""What a dead letter is: the bytes that could not be read, and headers that say all about them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.codecs import Headers, Message

LARGEST_VALUE: Final = 256 * 1024  # a letter must fit where the record itself did not
LONGEST_REASON: Final = 2_000
LARGEST_KEY: Final = 1_024
MOST_HEADERS: Final = 20
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
_OWN: Final = "origin-header-"
_UNKNOWN: Final = -1
_LONGEST_NUMBER: Final = 19


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record was found that could not be used, and why.

    Attributes:
        reason: For people.
        topic: Empty where it came from no topic.
        partition: -1 where it came from no topic, as ``offset``.
        reader: Which process met it: sinks, candles, predictor, ...
        source: Where it came from, if from no topic: an address.
        key: Of the record; None where it had none.
        headers: Of the record.
    """

    reason: str
    topic: str = ""
    partition: int = _UNKNOWN
    offset: int = _UNKNOWN
    reader: str = ""
    source: str = ""
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it is read.

    Attributes:
        value: The bytes, of a large record the first `LARGEST_VALUE`.
        length: How many bytes the record had.
        sha256: Of all its bytes, in hexadecimal digits.
        retried_ms: When it was sent to its topic again, our clock; -1 while it was not.
    """

    origin: Origin
    value: bytes
    length: int
    sha256: str
    retried_ms: int = _UNKNOWN

    @property
    def is_whole(self) -> bool:
        """Whether all bytes of the record are here."""
        return len(self.value) == self.length

    @property
    def name(self) -> str:
        """What identifies it: whoever met the record, and however often, it has one name."""
        return _name(self.origin, self.sha256)


def letter_of(raw: bytes, origin: Origin, *, retried_ms: int = _UNKNOWN) -> Message:
    """Return the message of a dead letter; it always fits into a record of Kafka's default size."""
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
    if retried_ms != _UNKNOWN:
        headers.append((_RETRIED, str(retried_ms).encode()))
    for name, value in origin.headers[:MOST_HEADERS]:
        headers.append((_OWN + name[:LARGEST_KEY], value[:LARGEST_KEY]))
    return Message(_name(origin, sha256).encode(), raw[:LARGEST_VALUE], tuple(headers))


def read_letter(value: bytes | None, headers: Headers | None) -> DeadLetter:
    """Return what a message of the topic of dead letters says; what is missing is unknown."""
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
    )
    return DeadLetter(
        origin,
        raw,
        len(raw) if length == _UNKNOWN else length,
        texts.get(_SHA256) or hashlib.sha256(raw).hexdigest(),
        _number(texts.get(_RETRIED, "")),
    )


def plain_headers(headers: Headers | None) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a record as an `Origin` keeps them."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return tuple((name, _bytes(text)) for name, text in pairs)


def _own(pairs: Iterable[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name.removeprefix(_OWN), v) for name, v in pairs if name.startswith(_OWN))


def _name(origin: Origin, sha256: str) -> str:
    if not origin.topic:
        return sha256
    return f"{origin.topic}/{origin.partition}/{origin.offset}"


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else _UNKNOWN
