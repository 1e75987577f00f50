"""Three brokers and everything twice: one of each kind is killed, and restarted in good order."""

from pathlib import Path
from typing import Final

import pytest

from tests.brokers.__main__ import table
from tests.brokers.running import run
from tests.brokers.watch import CLOSED, PREDICTED, STEPS

KILLED: Final = ["broker-1", "worker-1", "predictor-1", "sink-1", "api-1"]
WORKER_S, BROKER_S = 11.0, 30.0  # to take over; an open candle comes once a second anyway


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_others_take_over_in_time_and_nothing_is_lost(tmp_path: Path) -> None:
    said: list[str] = []

    outcome = run(tmp_path, rate=2_000, killed=KILLED, say=said.append)

    assert outcome.wrong == [], table(outcome)
    pauses = {row.fault: row.pauses for row in outcome.rows}
    for step in (*STEPS, CLOSED, PREDICTED):
        assert pauses["kill -9 broker-1"][step] <= BROKER_S, table(outcome)
        assert pauses["kill -9 worker-1"][step] <= WORKER_S, table(outcome)
        assert pauses["kill -9 predictor-1"][step] <= WORKER_S, table(outcome)
    assert pauses["kill -9 api-1"]["API"] <= 3.0, table(outcome)
