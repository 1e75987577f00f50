"""Some hundred hostile inputs of most classes over a whole stack; `make attack` tries them all."""

from pathlib import Path

import pytest

from tests.attack.__main__ import run

# Those that need the stack and little time; each other class has tests of its own beside its code.
CODES = ("1a", "1b", "1c", "1d", "1f", "2a", "2c", "3a", "3b", "4b", "4c", "4d")


@pytest.mark.timeout(600)
def test_no_hostile_input_stops_the_stack_or_is_believed(tmp_path: Path) -> None:
    tallies = run(tmp_path, is_short=True, codes=CODES)

    assert [tally.code for tally in tallies] == [*CODES, ""]
    assert all(tally.tried for tally in tallies)
    assert [reason for tally in tallies for reason in tally.reasons] == []
