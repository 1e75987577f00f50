"""A training that dies is told by what it said, what ended it, and the memory that was measured."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.training.child import TrainingChild
from schemas.predictions import ModelVersion, TrainingRequest
from schemas.settings import Settings

DEADLINE_S = 60.0
DAY_MS = 86_400_000
REQUEST = TrainingRequest("BTCUSDT", "batch", 0, 30 * DAY_MS, "me", 5)
LIBRARY = "libgomp.so.1: cannot open shared object file: No such file or directory"
TAKEN = 200_000_000


@pytest.fixture
def child(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TrainingChild]:
    """A training whose library does what the test says as soon as it is imported."""
    library = tmp_path / "sklearn"
    library.mkdir()
    (library / "__init__.py").write_text(request.param)
    monkeypatch.syspath_prepend(tmp_path)
    started = TrainingChild(Settings(data_dir=tmp_path), REQUEST)
    yield started
    started.close()


def ended(child: TrainingChild) -> ModelVersion:
    deadline = time.monotonic() + DEADLINE_S
    while not child.done(0.05):
        assert time.monotonic() < deadline, "it does not end"
    return child.answer()


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        (f"raise OSError({LIBRARY!r})", f"exit code 1, its last words: OSError: {LIBRARY}"),
        ("bytearray(10**17)", "exit code 1, its last words: MemoryError"),
        (
            "import ctypes; ctypes.string_at(0)",
            "SIGSEGV, its last words: Fatal Python error: Segmentation fault",
        ),
        ("import os; os._exit(7)", "exit code 7, without a word"),
    ],
    indirect=["child"],
)
def test_a_training_that_dies_is_told_by_its_last_words_and_its_end(
    child: TrainingChild, reason: str
) -> None:
    event = ended(child)

    assert event.event == "failed"
    assert reason in event.reason
    assert "perhaps" not in event.reason


@pytest.mark.parametrize(
    "child",
    [
        (
            f"import pathlib, signal; taken = b'x' * {TAKEN}; "
            "pathlib.Path(__file__).with_name('ready').touch(); signal.pause()"
        )
    ],
    indirect=True,
)
def test_a_training_that_is_killed_is_told_with_the_memory_it_had_taken(
    child: TrainingChild, tmp_path: Path
) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not (tmp_path / "sklearn" / "ready").exists():
        assert not child.done(0.05)
        assert time.monotonic() < deadline, "it did not begin"
    child.done(0)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)

    reason = ended(child).reason

    assert "was ended by SIGKILL, without a word" in reason
    taken, free = (int(mb) for mb in re.findall(r"(\d+) MB", reason))
    assert taken * 1_000_000 >= TAKEN
    assert free > 0
