"""Messages as a Kafka client gives them, without a broker."""

from dataclasses import dataclass

from schemas.codecs import Record, _frame, contract_header
from schemas.validation import key_of

HeaderList = list[tuple[str, bytes | str | None]]


@dataclass(frozen=True)
class Sent:
    """A message by its key and bytes."""

    named: bytes | None
    raw: bytes | None
    beside: tuple[tuple[str, bytes], ...] = ()
    place: tuple[int, int] = (0, 0)
    time_ms: int = 0

    def key(self) -> bytes | None:
        return self.named

    def value(self) -> bytes | None:
        return self.raw

    def headers(self) -> HeaderList:
        return list(self.beside)

    def partition(self) -> int:
        return self.place[0]

    def offset(self) -> int:
        return self.place[1]

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time_ms


def sent(record: Record, *, key: bytes | None = None) -> Sent:
    """The message of a record, true or not; under its own key, or another."""
    named = key_of(record).encode() if key is None else key
    return Sent(named, _frame(record), (contract_header(type(record)),))
