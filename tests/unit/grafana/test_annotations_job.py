"""One annotation, written to a server that speaks Grafana's API."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from grafana.annotations import Annotation
from grafana.annotations_job import write
from grafana.connection import connected, translated
from schemas.errors import ConfigurationError, Transient
from tests.support.builders import START_MS
from tests.support.grafana_server import TOKEN, FakeGrafana, running_grafana

FOUND = Annotation(START_MS, START_MS, "BTCUSDT: 5 trades are missing", "gap", "BTCUSDT", "gap:5-9")
REPAIRED = replace(FOUND, end_ms=START_MS + 1, text="BTCUSDT: 5 trades are repaired")


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    with running_grafana() as server:
        yield server


def put(grafana: FakeGrafana, note: Annotation) -> bool:
    with connected(grafana.url, TOKEN) as api, translated(grafana.url, "write annotations"):
        return write(api, note)


def test_a_grafana_that_is_asked_too_often_is_asked_again_after_a_while(
    grafana: FakeGrafana,
) -> None:
    grafana.refusals = [(429, {"message": "Too many requests"})]

    with pytest.raises(Transient, match="too often") as refused:
        put(grafana, FOUND)

    assert refused.value.retry_after_s >= 10
    assert put(grafana, FOUND)


def test_an_annotation_that_somebody_deletes_before_its_update_is_made_again(
    grafana: FakeGrafana,
) -> None:
    put(grafana, FOUND)
    grafana.refusals = [(404, {"message": "Could not find annotation to update"})]

    assert put(grafana, REPAIRED)
    assert grafana.calls == ["POST /annotations", "PUT /annotations/1", "POST /annotations"]
    assert grafana.annotations[-1]["text"] == REPAIRED.text


def test_an_update_that_grafana_refuses_for_what_it_is_ends_the_job(grafana: FakeGrafana) -> None:
    put(grafana, FOUND)
    grafana.refusals = [(400, {"message": "no"})]

    with pytest.raises(ConfigurationError, match="refused to write annotations"):
        put(grafana, REPAIRED)
