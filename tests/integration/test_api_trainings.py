"""The status of a training is that of its own request, whatever else is trained meanwhile."""

from collections.abc import Mapping

import httpx
import pytest

from api.accounts.users import Role
from processors.training.request import details_of, failure, requested
from schemas.predictions import ModelVersion, TrainingRequest
from sinks.tables import TABLES
from tests.support.api_market import put
from tests.support.api_stage import Stage
from tests.support.messages import sent

ASKED = {"symbol": "BTCUSDT", "model": "forest", "from": "2025-01-01T00:00:00Z"}
JUNE, JULY = ({"to": f"2025-{month}-01T00:00:00Z"} for month in ("06", "07"))


def asked(client: httpx.Client, **wish: str) -> tuple[str, TrainingRequest]:
    """Request a training; return the URL of its status, and the request."""
    told = client.post("/v1/models/train", json=ASKED | wish).raise_for_status().json()
    names = TrainingRequest.__slots__
    return str(told["url"]), TrainingRequest(**{name: told[name] for name in names})


def trained(request: TrainingRequest) -> ModelVersion:
    details = details_of(request, {"from_ms": request.from_ms + 60_000, "rows": 5})
    ended_ms = request.requested_ms + 1000
    return ModelVersion(
        request.model, "v1", request.symbol, "trained", ended_ms, "5 rounds", details
    )


def store(stage: Stage, *events: ModelVersion) -> None:
    table = next(table for table in TABLES if table.topic.record is ModelVersion)
    with stage.clickhouse.client(database="candlewick") as client:
        put(client, table.name, table.columns, [table.read(sent(event)).data for event in events])


@pytest.fixture
def client(stage: Stage) -> httpx.Client:
    return stage.api.client(**stage.signed_in(Role.OPERATOR))


def status(client: httpx.Client, url: str) -> Mapping[str, object]:
    found: Mapping[str, object] = client.get(url).raise_for_status().json()
    return found


def test_a_training_of_another_range_or_asker_answers_no_request_but_its_own(
    stage: Stage, client: httpx.Client
) -> None:
    with client:
        first_url, first = asked(client, **JUNE)
        second_url, second = asked(client, **JULY)
        store(stage, failure(first, "no candles", second.requested_ms + 500))

        assert status(client, first_url)["status"] == "failed"
        assert status(client, second_url)["status"] == "waiting"

        store(stage, trained(second))

        assert status(client, first_url)["status"] == "failed"
        assert status(client, second_url)["status"] == "trained"


def test_a_training_of_all_symbols_does_not_answer_a_request_for_one(
    stage: Stage, client: httpx.Client
) -> None:
    with client:
        url, request = asked(client, model="batch", **JUNE)
        monthly = requested(request.requested_ms + 1, "monthly timer")
        store(stage, trained(monthly))

        assert status(client, url)["status"] == "waiting"
