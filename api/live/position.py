"""A subscriber's position: the next offset of every partition, as one short text.

``c0:12,c1:7,p0:3`` is offset 12 of partition 0 and 7 of partition 1 of the candles, and so on. It
is the id of an event, so that `Last-Event-ID` tells any process of the API where to continue.
"""

import re
from collections.abc import Collection, Mapping

from api.live.kinds import KIND_OF_LETTER, Kind

Place = tuple[Kind, int]
Position = dict[Place, int]
# Of all kinds over 500 partitions, up to the trillionth record. It comes back inside the head of a
# request, which may have 65,536 bytes; in an address each mark takes three of them.
LONGEST = 49_152
_PART = re.compile(r"([a-z])(\d{1,4}):(\d{1,18})", re.ASCII)


def position_text(position: Mapping[Place, int], kinds: Collection[Kind]) -> str:
    """Return a position as text, with the given kinds only."""
    return ",".join(
        f"{kind.letter}{p}:{offset}" for (kind, p), offset in position.items() if kind in kinds
    )


def parse_position(text: str) -> Position:
    """Parse a position.

    Raises:
        ValueError: The text is not a position.
    """
    if len(text) > LONGEST:
        raise ValueError("the event id is too long")
    return dict(_place(part) for part in text.split(",") if part)


def _place(part: str) -> tuple[Place, int]:
    match = _PART.fullmatch(part)
    if match is None or match[1] not in KIND_OF_LETTER:
        raise ValueError(f"{part[:20]!r} is not part of an event id")
    return (KIND_OF_LETTER[match[1]], int(match[2])), int(match[3])
