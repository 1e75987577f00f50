"""3a: records that are no records, in every topic."""

from collections.abc import Iterator

from schemas import topics
from schemas.contracts import contract_of
from schemas.topics import Topic
from tests.attack.kafka import Poison, blame_burials, send
from tests.attack.tally import Fault, Tally
from tests.attack.world import World
from tests.support.messages import sent
from tools.pages.examples import EXAMPLES as SAMPLES

_UNKNOWN_ID = b"\0\0\0\0\1"
_LARGE = 1_020_000


def attack(world: World, tally: Tally) -> None:
    """Send them; each must be buried, and nothing may stop."""
    every = [poison for topic in topics_of(world) for poison in _poisons(world, topic)]
    chosen = world.some(every, in_short=40)
    landed = send(world.stack, chosen)
    tally.tried = len(chosen)
    blame_burials(world.stack, landed, tally, Fault.LOSS)


def topics_of(world: World) -> list[Topic]:
    """Return the topics of records; in a short run without those that are read once a minute."""
    seldom = (topics.HISTORY, topics.ARCHIVES, topics.COIN_DAYS) if world.is_short else ()
    return [topic for topic in topics.ALL if topic.record and topic not in seldom]


def _poisons(world: World, topic: Topic) -> Iterator[Poison]:
    assert topic.record is not None
    good = sent(SAMPLES[topic.record])
    key, value = good.named, good.raw or b""
    other = next(record for record in SAMPLES if record is not topic.record)
    junk = world.random.randbytes(200)
    contract = contract_of(topic.record)
    frame = b"\0" + contract.schema_id.to_bytes(4)
    for kind, raw in {
        "empty": b"",
        "null value": None,
        "junk": b"\x05" + junk,
        "one zero byte": b"\0",
        "unknown id": _UNKNOWN_ID + b"abc",
        "id and nothing": frame,
        "junk behind the id": frame + b"\xff" * 40,
        "cut": value[: len(value) // 2],
        "wrong type": sent(SAMPLES[other]).raw,
        "JSON": b'{"symbol": "BTCUSDT"}',
        "1 MB": b"\x05" + world.random.randbytes(_LARGE),
        "1 MB of an unknown id": _UNKNOWN_ID + world.random.randbytes(_LARGE),
        "zeros that shrink": bytes(4_000_000),
    }.items():
        yield Poison(topic, kind, key, raw, good.beside)
    yield Poison(topic, "no key", None, value, good.beside)
    yield Poison(topic, "foreign key", b"EVILKEY", value, good.beside)
    yield Poison(topic, "key that is no text", b"\xff\xfe", value, good.beside)
    yield Poison(topic, "contract of nobody", key, _UNKNOWN_ID, (("contract", b"\xff.v9"),))
    yield Poison(topic, "name of a header that is no text", key, b"\x05" + junk, is_nameless=True)
    yield Poison(topic, "contract without number", key, _UNKNOWN_ID, (("contract", b"candle.v"),))
