"""A minute of faults over a whole stack; `make chaos` does them for as long as one likes."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import told
from tests.chaos.running import run

SEED = 5  # among its faults: kill -9 of the supervisor, the stream and ClickHouse


@pytest.mark.timeout(600)
def test_a_minute_of_faults_leaves_every_trade_candle_and_prediction_right(tmp_path: Path) -> None:
    said: list[str] = []

    outcome = run(tmp_path, seed=SEED, minutes=1, say=said.append, disks=False)

    assert outcome.wrong == [], "\n".join([*said, told(outcome)])
    assert outcome.done.total() >= 10
    assert outcome.peaks.memory
