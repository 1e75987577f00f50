"""The process of notifications, over a folder of its own and a real Kafka."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from candlewick.stack.parent_death import leashed
from tests.support.kafka_process import RunningKafka

PATIENCE_S = 40.0
READY = "notifications run"


def eventually(holds: Callable[[], object], why: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


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
        self.process.wait(20)


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
