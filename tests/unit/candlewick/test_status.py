"""`candlewick status`: what it makes of an API that does not answer."""

import pytest

from candlewick.commands.status import COMES_UP_S, is_coming_up
from candlewick.stack.addresses import Addresses
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import Phase, ProcessState, StackState

STARTED_S = 1_000.0


def a_stack(restarts: int) -> StackState:
    api = ProcessState("api", Phase.RUNNING, Identity(7, STARTED_S), restarts, last_exit=None)
    return StackState(Identity(1, 2.0), Addresses(1, 2, None), ready=True, processes=(api,))


@pytest.mark.parametrize(
    ("restarts", "age_s", "expected"),
    [(0, 1.0, True), (0, COMES_UP_S + 1, False), (1, 1.0, False)],
)
def test_only_an_api_that_was_just_started_for_the_first_time_need_not_answer(
    restarts: int, age_s: float, *, expected: bool
) -> None:
    assert is_coming_up(a_stack(restarts), STARTED_S + age_s) is expected
