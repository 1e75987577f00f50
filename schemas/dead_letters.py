"""What a dead letter says about itself: the raw bytes are its value, the rest are headers."""

from collections.abc import Iterable
from dataclasses import dataclass

_REASON = "reason"
_TOPIC = "origin-topic"
_PARTITION = "origin-partition"
_OFFSET = "origin-offset"
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a dead letter was found, and why it could not be read.

    Attributes:
        reason: For people.
        topic: Empty when unknown.
        partition: -1 when unknown, as ``offset``.
    """

    reason: str
    topic: str = ""
    partition: int = _UNKNOWN
    offset: int = _UNKNOWN


def headers_of(origin: Origin) -> list[tuple[str, str | bytes | None]]:
    """Return the headers of a dead letter."""
    return [
        (_REASON, origin.reason.encode()),
        (_TOPIC, origin.topic.encode()),
        (_PARTITION, str(origin.partition).encode()),
        (_OFFSET, str(origin.offset).encode()),
    ]


def origin_of(headers: Iterable[tuple[str, bytes | str | None]]) -> Origin:
    """Return what the headers of a dead letter say; whatever is missing or odd is unknown."""
    texts = {name: _text(value) for name, value in headers}
    return Origin(
        reason=texts.get(_REASON, "no reason given"),
        topic=texts.get(_TOPIC, ""),
        partition=_number(texts.get(_PARTITION, "")),
        offset=_number(texts.get(_OFFSET, "")),
    )


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else _UNKNOWN
