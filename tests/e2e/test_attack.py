"""Hostile inputs of some classes over a whole stack; `make attack` tries all of them, and more."""

from pathlib import Path

import pytest

from tests.attack.__main__ import ATTACKS, run

QUICK = ("1c", "1d", "1f", "2a", "3a", "3b", "4b")
OTHERS = tuple(attack.code for attack in ATTACKS if attack.code not in QUICK)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("codes", [QUICK, pytest.param(OTHERS, marks=pytest.mark.slow)])
def test_no_hostile_input_stops_the_stack_or_is_believed(
    tmp_path: Path, codes: tuple[str, ...]
) -> None:
    tallies = run(tmp_path, is_short=True, codes=codes)

    assert [tally.code for tally in tallies] == [*codes, ""]
    assert all(tally.tried for tally in tallies)
    assert [reason for tally in tallies for reason in tally.reasons] == []
