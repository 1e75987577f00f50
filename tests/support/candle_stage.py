"""A candle worker over a table and an outlet in memory, driven as Kafka and its commits do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.errors import KafkaTimeoutError

from processors.candles.block_messages import Message
from processors.candles.held_states import Closed, Stored
from processors.candles.keeping import Acknowledgements
from processors.candles.state import CandleRules
from processors.candles.worker import Acknowledged, CandleWorker
from processors.runtime.stopped_partitions import Standing
from schemas import codecs, topics
from schemas.dead_letters import Origin
from schemas.market import TradeBlock

RULES = CandleRules()


@dataclass(slots=True)
class Outlet:
    """Keeps what is sent, and acknowledges it where it is told to."""

    candles: list[bytes] = field(default_factory=list)
    letters_sent: list[Origin] = field(default_factory=list)
    letters_under_way: list[asyncio.Future[None]] = field(default_factory=list)
    states_sent: list[Stored] = field(default_factory=list)
    takes_candles: bool = False
    takes_states: bool = True

    async def closed(self, candles: list[Closed], acknowledged: Acknowledged) -> None:
        self.candles += [candle.value for candle in candles]
        if self.takes_candles:
            acknowledged((candle.key, candle.value) for candle in candles)

    def under_way(self) -> Acknowledgements:
        return ()

    async def states(self, records: list[Stored]) -> Acknowledgements:
        self.states_sent += records
        sent = asyncio.get_running_loop().create_future()
        if self.takes_states:
            sent.set_result(None)
        else:
            sent.set_exception(KafkaTimeoutError())
        return [sent]

    async def live(self, candles: list[Closed]) -> None:
        self.candles += [candle.value for candle in candles]

    async def dead_letter(self, _raw: bytes, origin: Origin) -> None:
        self.letters_sent.append(origin)

    def letters(self) -> Acknowledgements:
        return self.letters_under_way


@dataclass(slots=True)
class Reader:
    """Takes note of what shall stand still."""

    stopped: list[tuple[str, int, int]] = field(default_factory=list)

    def stand_still(self, topic: str, partition: int, offset: int) -> None:
        self.stopped.append((topic, partition, offset))

    def move_on(self) -> None:
        self.stopped.clear()


class Stage:
    """A worker, and what it has done."""

    def __init__(self, table: dict[bytes, bytes] | None = None, rules: CandleRules = RULES) -> None:
        self.table = {} if table is None else table
        self.outlet, self.reader, self.standing = Outlet(), Reader(), Standing()
        self.standing.read_by(self.reader)
        self.worker = CandleWorker(
            self.table, self.outlet, rules, self.read_again, self.standing, partitions=1
        )

    async def read_again(self, _partition: int, _offset: int) -> int | None:
        raise AssertionError("nothing is to be read again")

    def read(self, log: Sequence[Message], start: dict[int, int], *, at_once: int) -> "Stage":
        """Read the log of all partitions from some offsets on, and again where it is asked to."""
        place = dict(start)

        async def seek(partition: int, offset: int) -> int:
            place[partition] = offset
            return 0

        self.worker._read_again = seek
        while True:
            left = [m for m in log if m.offset >= place.get(m.partition, 0)][:at_once]
            if not left:
                return self
            place |= {message.partition: message.offset + 1 for message in left}
            self.take_at_once(*left)

    def begin(self) -> "Stage":
        """Have the worker take over the table, as after an assignment."""
        asyncio.run(self.worker.start_over())
        return self

    def take(self, *messages: Message) -> "Stage":
        """Take messages one by one, with a commit at the end."""

        async def all_of_them() -> None:
            for message in messages:
                await self.worker.take([message])
            await self.worker.keeper.save()

        asyncio.run(all_of_them())
        return self

    def take_at_once(self, *messages: Message) -> "Stage":
        """Take messages as one poll brings them; no commit follows."""
        asyncio.run(self.worker.take(messages))
        return self

    def save(self) -> "Stage":
        """Store what has changed, as before a commit."""
        asyncio.run(self.worker.keeper.save())
        return self

    def kept(self, *partitions: int) -> list[int | None]:
        """What may be committed of partitions."""
        return [self.worker.keeper.kept(partition) for partition in partitions]


def a_message(block: TradeBlock, offset: int, partition: int = 0) -> Message:
    made = codecs.message_of(block)
    place = topics.TRADES.name, partition, offset
    return Message(made.key, made.value, made.headers, *place)
