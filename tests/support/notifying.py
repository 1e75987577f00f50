"""The process of notifications, over a folder of its own and a real Kafka."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from candlewick.stack.parent_death import leashed
from clients.kafka.group import GroupOffsets
from schemas import topics
from schemas.errors import Transient
from schemas.settings import Settings
from schemas.topics import Topic
from sinks.notify.loop import Notifier
from sinks.notify.rules_file import read_plan
from sinks.notify.store import Store
from tests.support.kafka_process import RunningKafka

PATIENCE_S = 40.0
READY = "notifications run"


def eventually(holds: Callable[[], object], why: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def all_read(kafka: RunningKafka, topic: Topic = topics.MODEL_VERSIONS) -> bool:
    """Whether the notifications have read every record of a topic."""
    offsets = GroupOffsets(kafka.settings)
    try:
        ends = offsets.ends(offsets.partitions([topic.name]))
        read = offsets.committed(topics.NOTIFY_GROUP)
    except Transient:  # a broker that has just begun is still loading its groups
        return False
    return all(read.get(place) == end for place, end in ends.items())


@dataclass
class Notifying:
    """`python -m sinks.notify`, which can be killed and started again."""

    folder: Path
    kafka: RunningKafka
    targets: dict[str, str]
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        path = self.folder / "notify.log"
        return path.read_text() if path.exists() else ""

    def rules(self, text: str) -> None:
        (self.folder / "rules.yaml").write_text(text)

    def start(self) -> None:
        before = self.log.count(READY)
        ours = {
            "CANDLEWICK_DATA_DIR": str(self.folder),
            "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "CANDLEWICK_NOTIFY__RULES": str(self.folder / "rules.yaml"),
            "CANDLEWICK_NOTIFY__TARGETS": " ".join(f"{n}={url}" for n, url in self.targets.items()),
        }
        with (self.folder / "notify.log").open("ab") as log:
            self.process = subprocess.Popen(
                leashed([sys.executable, "-m", "sinks.notify"]),
                env=os.environ | ours | self.extra,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(lambda: self.log.count(READY) > before or self.is_dead, lambda: self.log)
        assert not self.is_dead, self.log

    @property
    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)


@contextmanager
def working(
    folder: Path, kafka: RunningKafka, targets: dict[str, str], rules: str, *symbols: str
) -> Iterator[None]:
    """The same in a thread of this process, which begins much sooner; over the same store."""
    path = folder / "rules.yaml"
    path.write_text(rules)
    urls = " ".join(f"{name}={url}" for name, url in targets.items())
    chosen = {
        "kafka": {"bootstrap_servers": kafka.bootstrap},
        "notify": {"targets": urls},
        "symbols": symbols or ("BTCUSDT",),
    }
    settings = Settings.model_validate(chosen)
    stopping, failed = threading.Event(), list[BaseException]()
    began = threading.Event()

    def work() -> None:
        try:
            with closing(Store(folder / "notify" / "store.sqlite")) as store:
                notifier = Notifier(settings, read_plan(settings, path), store)
                notifier.run(stopping.is_set, began.set)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)
            began.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert began.wait(PATIENCE_S)
        yield
    finally:
        stopping.set()
        thread.join(PATIENCE_S)
    if failed:
        raise failed[0]


@contextmanager
def notifying(
    folder: Path, kafka: RunningKafka, targets: dict[str, str], rules: str, **extra: str
) -> Iterator[Notifying]:
    running = Notifying(folder, kafka, targets, extra)
    running.rules(rules)
    running.start()
    try:
        yield running
    finally:
        if not running.is_dead:
            running.stop()
