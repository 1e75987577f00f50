"""What of the pipeline is marked on the dashboards, and under which tag."""

from dataclasses import replace
from typing import Any

from grafana.annotations import of_gap, of_model
from grafana.boards import boards
from grafana.provisioning_file import plain_one
from schemas.market import Gap, GapState
from schemas.predictions import ModelEvent, ModelVersion
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


def test_a_champion_of_the_chance_is_marked_wherever_promotions_are() -> None:
    kind = ModelEvent.CHANCE_CHAMPION.value
    mark = of_model(ModelVersion("batch", "v1", "BTCUSDT", kind, START_MS, "lower loss", "{}"))
    marked = {
        key: {tag for each in plain_one(board)["annotations"]["list"] for tag in _tags(each)}
        for key, board in boards().items()
    }

    assert mark.kind in mark.tags
    assert mark.text == "batch v1 chance-champion for BTCUSDT: lower loss"
    assert [key for key in marked if "promoted" in marked[key]] == ["prediction", "models"]
    assert [key for key in marked if mark.kind in marked[key]] == ["prediction", "models"]


def _tags(query: Any) -> list[str]:
    tags: list[str] = query.get("target", {}).get("tags", [])
    return tags
