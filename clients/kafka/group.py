"""How far a consumer group is behind the ends of its topics."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._group import MemberDescription
from confluent_kafka.admin._listoffsets import OffsetSpec

from clients.kafka.errors import RETRY_S, meaning, no_answer
from clients.kafka.opening import open_admin, telling
from clients.kafka.topics import SAFE_COPIES
from schemas.errors import CandlewickError, Transient
from schemas.settings import KafkaSettings

ANSWER_S: Final = 3.0
_LOOK_S: Final = 10.0
_NEWEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call] # the client does not type it
_OLDEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call] # likewise
Place = tuple[str, int]  # topic and partition


@dataclass(frozen=True, slots=True)
class Member:
    """Who reads in a group, and what it has been given.

    Attributes:
        name: What Kafka calls it.
        static: The name that it has given itself, "" for none.
        client: What its client calls itself; of a static name, the first that had it.
        host: Where it is.
    """

    name: str
    places: frozenset[Place]
    static: str = ""
    client: str = ""
    host: str = ""


class GroupOffsets:
    """Asks one cluster where groups are, and where topics end; each call has a limit.

    A client that was without an answer once may be so for ever: the next question has a new one.
    Several threads may ask.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._client: AdminClient | None = None
        self._on_error = telling(kafka)

    def committed(self, group: str) -> dict[Place, int]:
        """Return the offset of each partition that the group has committed.

        Raises:
            Transient: Kafka does not answer.
        """
        places = self._commits(group)
        return {(p.topic, p.partition): p.offset for p in places if p.offset >= 0}

    def notes(self, group: str) -> list[str]:
        """Return the texts beside the offsets that a group has committed. Raises as `committed`."""
        return [place.metadata for place in self._commits(group) if place.metadata]

    def _commits(self, group: str) -> list[TopicPartition]:
        try:
            wanted = [ConsumerGroupTopicPartitions(group)]
            asked = self._connected().list_consumer_group_offsets(wanted, request_timeout=ANSWER_S)
            return list(asked[group].result(ANSWER_S).topic_partitions or [])
        except (KafkaException, TimeoutError) as error:
            raise self._meaning(error) from error

    def groups(self, prefix: str) -> list[str]:
        """Return the groups whose names begin so. Raises as `committed`."""
        try:
            answer = (
                self._connected().list_consumer_groups(request_timeout=ANSWER_S).result(ANSWER_S)
            )
        except (KafkaException, TimeoutError) as error:
            raise self._meaning(error) from error
        return sorted(g.group_id for g in answer.valid or [] if g.group_id.startswith(prefix))

    def members(self, groups: list[str]) -> dict[str, list[Member]]:
        """Return who is in each of these groups. Raises as `committed`."""
        if not groups:
            return {}
        try:
            asked = self._connected().describe_consumer_groups(groups, request_timeout=ANSWER_S)
            answers = {group: answer.result(ANSWER_S) for group, answer in asked.items()}
        except (KafkaException, TimeoutError) as error:
            raise self._meaning(error) from error
        return {group: [_member(m) for m in answer.members] for group, answer in answers.items()}

    def partitions(self, topics: Iterable[str]) -> list[Place]:
        """Return the partitions of those topics that exist. Raises as `committed`."""
        try:
            known = self._connected().list_topics(timeout=ANSWER_S).topics
        except KafkaException as error:
            raise self._meaning(error) from error
        return [(t, p) for t in topics if t in known for p in known[t].partitions]

    def is_writable(self, topic: str) -> bool:
        """Return whether each partition's leader answers here and has enough copies in step.

        Raises as `committed`.
        """
        try:
            known = self._connected().list_topics(timeout=ANSWER_S).topics
        except KafkaException as error:
            raise self._meaning(error) from error
        partitions = known[topic].partitions if topic in known else {}
        enough = all(len(p.isrs) >= min(SAFE_COPIES, len(p.replicas)) for p in partitions.values())
        return enough and bool(self.ends([(topic, number) for number in partitions]))

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the offset behind the newest record of each partition. Raises as `committed`."""
        return self._offsets(places, _NEWEST)

    def starts(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the offset of the oldest record of each partition. Raises as `committed`."""
        return self._offsets(places, _OLDEST)

    def spans(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """Return start and end of those partitions of which both are told.

        Raises:
            Transient: No partition is told.
        """
        places = tuple(places)
        starts = self._offsets(places, _OLDEST, each=False)
        ends = self._offsets(places, _NEWEST, each=False)
        return {place: (start, ends[place]) for place, start in starts.items() if place in ends}

    def _offsets(
        self, places: Iterable[Place], which: OffsetSpec, *, each: bool = True
    ) -> dict[Place, int]:
        wanted = {TopicPartition(*place): which for place in places}
        found: dict[Place, int] = {}
        if not wanted:
            return found
        try:
            asked = self._connected().list_offsets(wanted, request_timeout=ANSWER_S)
            for number, (place, answer) in enumerate(asked.items(), 1):
                try:
                    found[place.topic, place.partition] = answer.result(ANSWER_S).offset
                except KafkaException:
                    if each or (number == len(wanted) and not found):
                        raise
        except (KafkaException, TimeoutError) as error:
            raise self._meaning(error) from error
        return found

    def _connected(self) -> AdminClient:
        client = self._client  # another thread may give it up meanwhile
        if client is None:
            client = self._client = open_admin(self._kafka, self._on_error)
        return client

    def _meaning(self, error: KafkaException | TimeoutError) -> Transient:
        client, self._client = self._client, None
        if client is not None:
            client.poll(0)  # says why, where brokers do not let us in
        if isinstance(error, TimeoutError):
            return no_answer(self._kafka.place)
        # Who only asks needs no new process and may go on, whatever it is.
        return Transient(str(meaning(error, place=self._kafka.place)), retry_after_s=RETRY_S)


def behind(committed: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[str, int]:
    """Return how many records wait in each topic of which a group has committed anything."""
    waiting: defaultdict[str, int] = defaultdict(int)
    for place, offset in committed.items():
        if place in ends:
            waiting[place[0]] += max(0, ends[place] - offset)
    return dict(sorted(waiting.items()))


def in_use(offsets: Mapping[Place, int], given: Iterable[frozenset[Place]]) -> dict[Place, int]:
    """Return offsets without those of topics that a group once read and no member reads now.

    Args:
        offsets: What the group has committed.
        given: Partitions of each of its members. While nobody has any, all offsets count.
    """
    read = {topic for places in given for topic, _ in places}
    return {place: at for place, at in offsets.items() if not read or place[0] in read}


def _member(member: MemberDescription) -> Member:
    given = member.assignment.topic_partitions if member.assignment else []
    return Member(
        member.member_id,
        frozenset((p.topic, p.partition) for p in given or []),
        member.group_instance_id or "",
        member.client_id,
        member.host.removeprefix("/"),
    )


class InputWaits:
    """Tells whether a group has records before it that it has not committed."""

    def __init__(
        self,
        offsets: GroupOffsets,
        group: str,
        topics: Iterable[str],
        *,
        except_for: Callable[[], set[Place]] = set,
    ) -> None:
        """Set it up.

        Args:
            offsets: Asked where groups are, and where topics end.
            group: Whose offsets are looked at.
            topics: What it reads.
            except_for: Partitions that stand still for a reason that was told.
        """
        self._offsets = offsets
        self._group = group
        self._topics = tuple(topics)
        self._except_for = except_for
        self._looked_s = -_LOOK_S
        self._waits = False

    def __call__(self) -> bool:
        """Tell it, by a look that is at most ten seconds old; no answer is no input."""
        if time.monotonic() - self._looked_s >= _LOOK_S:
            self._looked_s = time.monotonic()
            try:
                self._waits = self._look()
            except CandlewickError:  # also of files that are being replaced
                self._waits = False
        return self._waits

    def _look(self) -> bool:
        places = set(self._offsets.partitions(self._topics)) - self._except_for()
        committed = self._offsets.committed(self._group)
        starts, ends = self._offsets.starts(places), self._offsets.ends(places)
        return any(ends[p] > max(committed.get(p, 0), starts[p]) for p in places)
