"""A quick part of the simulation, and the proof that it sees what it is there for."""

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation, broken
from tests.simulation.running import run, shrunken

SEEDS = range(1, 13)
ENOUGH_SEEDS = 40


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds_in_the_schedule_of_a_seed(seed: int) -> None:
    outcome = run(seed)
    assert not outcome.wrong, f"make simulate ARGS='--steps 1 --seed {seed}'"


def test_a_seed_gives_the_same_schedule_each_time() -> None:
    first, second = run(1), run(1)
    assert (first.steps, first.faults, first.crashes) == (
        second.steps,
        second.faults,
        second.crashes,
    )
    assert first.faults


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[one.what for one in MUTATIONS])
def test_a_broken_safety_line_is_seen_within_some_seeds(mutation: Mutation) -> None:
    with broken(mutation):
        seeds = range(mutation.seed, mutation.seed + ENOUGH_SEEDS)
        assert any(run(seed, odds=mutation.odds).wrong for seed in seeds)


def test_a_schedule_that_goes_wrong_is_shrunken_and_still_goes_wrong() -> None:
    (mutation,) = (one for one in MUTATIONS if one.what == "the sink drops the token")
    with broken(mutation):
        found = next(outcome for seed in range(1, 99) if (outcome := run(seed)).wrong)
        fewer, skip = shrunken(found, tries=8)
        assert len(fewer.faults) <= len(found.faults)
        assert run(found.seed, skip=skip).wrong
