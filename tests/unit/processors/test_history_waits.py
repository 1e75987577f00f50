"""How long the predictor's history waits for an answer; no ClickHouse runs here."""

from io import BytesIO

import pytest

from processors import history
from processors.history import History
from schemas.settings import ClickHouseSettings


def test_the_first_byte_may_come_as_late_as_the_whole_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    def connect(_settings: ClickHouseSettings, *, silence_s: float = 30) -> BytesIO:
        waits.append(silence_s)
        return BytesIO()

    monkeypatch.setattr(history, "connect_writer", connect)
    with History(ClickHouseSettings(), answer_s=60):
        """Connected."""

    assert waits == [60]
