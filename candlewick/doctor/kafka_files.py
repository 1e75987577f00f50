"""Checks the records that the local Kafka keeps on disk, which it does not do by itself.

Kafka believes its files after an orderly end, and a damaged record stops whoever reads it.
"""

import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from aiokafka.record.util import calc_crc32c

from candlewick.doctor.finding import Finding, State
from candlewick.stack.folder import StackFolder

# Base offset, length of what follows it, epoch of the leader, magic, CRC-32C of what follows that.
# Source: Apache Kafka documentation, "Record Batch".
_HEAD: Final = struct.Struct(">qiibI")
_BEFORE_LENGTH: Final = 12
_MAGIC: Final = 2
_UNDER_WAY_S: Final = 1.0  # a batch that is just being written is whole by then


def kafka_files(
    folder: StackFolder, pause: Callable[[float], None] = time.sleep
) -> Iterator[Finding]:
    """Check the CRC of every batch of records of the local Kafka.

    Args:
        folder: The data folder.
        pause: Waits for a batch that may be on its way.
    """
    logs = sorted((folder.kafka / "logs").glob("*-*/*.log"))
    damaged = [log for log in logs if wrong_at(log) is not None]
    if damaged:
        pause(_UNDER_WAY_S)
    found = False
    for log in damaged:
        if (at := wrong_at(log)) is None:
            continue
        found = True
        yield Finding(
            "Kafka's files",
            State.WRONG,
            f"{log.parent.name} is damaged at byte {at:,} of {log.name}",
            "end the stack with `candlewick down` and restore a backup; without one, move "
            f"{folder.kafka} away and start: ClickHouse keeps what it has, missing trades are "
            "fetched again, symbols that were added by hand must be added again",
        )
    if logs and not found:
        yield Finding("Kafka's files", State.OK, f"{len(logs):,} are whole")


def wrong_at(log: Path) -> int | None:
    """Return where a segment has no whole batch, in bytes from its beginning; None if it is right.

    Kafka fills files up with zeros after a crash, and cuts them off itself: they are no damage.

    Raises:
        OSError: It cannot be read; the error has its name.
    """
    at = 0
    try:
        with log.open("rb") as file:
            while head := file.read(_HEAD.size):
                if not any(head):
                    return None
                if len(head) < _HEAD.size:
                    return at
                _, length, _, magic, crc = _HEAD.unpack(head)
                left = _BEFORE_LENGTH + length - _HEAD.size
                if magic != _MAGIC or left < 0:
                    return at
                body = file.read(left)
                if len(body) < left or calc_crc32c(body) != crc:
                    return at
                at += _BEFORE_LENGTH + length
    except FileNotFoundError:  # Kafka has just removed it
        return None
    except OSError as error:
        error.filename = error.filename or str(log)  # a read does not tell it
        raise
    return None
