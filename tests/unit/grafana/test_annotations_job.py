"""One annotation, written to a server that speaks Grafana's API."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import pytest

from grafana.annotations import Annotation, of_gap
from grafana.annotations_job import write
from grafana.connection import connected, translated
from schemas.errors import ConfigurationError, Transient
from schemas.market import Gap, GapState
from tests.support.builders import START_MS
from tests.support.grafana_server import TOKEN, FakeGrafana, running_grafana

GAP = Gap("BTCUSDT", 5, 9, -1, -1, GapState.FOUND.value, START_MS, START_MS, "ids jump")
FOUND = of_gap(GAP)
GIVEN_UP = of_gap(replace(GAP, state=GapState.GIVEN_UP.value))
REPAIRED = of_gap(replace(GAP, state=GapState.REPAIRED.value, changed_ms=START_MS + 1))


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


@pytest.mark.parametrize("told", list(permutations((FOUND, GIVEN_UP, REPAIRED))))
@pytest.mark.parametrize("fast_ms", [0, 3_600_000])
def test_a_gap_is_marked_with_its_last_state_whatever_the_order_and_the_clocks(
    grafana: FakeGrafana, told: tuple[Annotation, ...], fast_ms: int
) -> None:
    for note in told:
        is_repaired = note is REPAIRED  # by a process whose clock is right
        put(grafana, note if is_repaired else replace(note, end_ms=note.end_ms + fast_ms))

    assert [note["text"] for note in grafana.annotations] == [REPAIRED.text]


def test_a_gap_that_is_given_up_as_it_is_found_is_marked_as_missing_for_good(
    grafana: FakeGrafana,
) -> None:
    written = [put(grafana, note) for note in (FOUND, GIVEN_UP, GIVEN_UP, FOUND)]

    assert written == [True, True, False, False]
    assert [note["text"] for note in grafana.annotations] == [GIVEN_UP.text]
