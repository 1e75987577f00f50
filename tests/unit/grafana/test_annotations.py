"""What of the pipeline is marked on the dashboards, and under which tag."""

from dataclasses import replace

from grafana.annotations import of_gap
from schemas.market import Gap, GapState
from tests.support.builders import START_MS

GAP = Gap("BTCUSDT", 5, 9, -1, -1, GapState.FOUND.value, START_MS, START_MS + 5, "ids jump")


def test_states_of_a_gap_are_one_mark_and_gaps_of_two_eras_are_two() -> None:
    repaired = replace(GAP, state=GapState.REPAIRED.value)

    assert of_gap(GAP).key == of_gap(repaired).key == "gap:BTCUSDT:5-9"
    assert of_gap(replace(GAP, era=1)).key == "gap:BTCUSDT:1:5-9"


def test_a_new_era_is_a_mark_of_its_own_and_no_trades_are_missing() -> None:
    begun = replace(GAP, state=GapState.NEW_ERA.value, era=2, reason="ids begin again")

    mark = of_gap(begun)

    assert (mark.kind, mark.key) == ("new-era", "era:BTCUSDT:2")
    assert mark.begin_ms == mark.end_ms == START_MS + 5
    assert mark.text == "BTCUSDT: ids begin again"
