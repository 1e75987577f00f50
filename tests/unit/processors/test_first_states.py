"""A worker whose states cannot be read ends, to be started again: nothing else would notice."""

import asyncio
from pathlib import Path
from typing import NoReturn

import pytest
from faust.tables.recovery import ServiceStopped

from processors.runtime.app import WorkerApp, worker_app
from processors.runtime.recovery import OrderedRecovery
from schemas.settings import Settings

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0


class Left(Exception):  # noqa: N818 - it is no error
    """The process has ended."""


def leave(reason: str) -> NoReturn:
    raise Left(reason)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def app(tmp_path: Path) -> WorkerApp:
    return worker_app("test", Settings(), name="test", folder=tmp_path)


async def test_a_kafka_that_is_silent_meanwhile_ends_the_process(
    app: WorkerApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processors.runtime.recovery.leave", leave)
    recovery = OrderedRecovery(app, app.tables)

    with pytest.raises(Left, match="Kafka did not answer"):
        await recovery._wait(asyncio.Event().wait(), timeout=0.01)


async def test_a_process_that_is_asked_to_end_meanwhile_just_ends(
    app: WorkerApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processors.runtime.recovery.leave", leave)
    recovery = OrderedRecovery(app, app.tables)
    recovery._stopped.set()

    with pytest.raises(ServiceStopped):
        await recovery._wait(asyncio.Event().wait())


async def test_states_that_are_never_read_end_the_process(
    app: WorkerApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    why: list[str] = []
    left = asyncio.Event()

    def told(reason: str) -> None:
        why.append(reason)
        left.set()

    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr("processors.runtime.app.FIRST_STATES_S", 0.01)
    monkeypatch.setattr("processors.runtime.app.leave", told)
    monkeypatch.setattr(app, "_wait_for_table_recovery_completed", never)
    starting = asyncio.create_task(app.on_started())
    async with asyncio.timeout(WITHIN_S):
        await left.wait()
    starting.cancel()

    assert "were not read" in why[0]
