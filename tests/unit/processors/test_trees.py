"""Trees answer as what grew them, whatever is missing; a text that is none is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor

from processors.models.trees import Tree, Trees, text_of
from processors.training.growing import _BOOSTED, _FIXED, Lesson, choose_rounds, grow, one_thread

WIDTH = 4
ONE_SPLIT = Tree((2,), (0.5,), (True,), (-1,), (-2,), (10.0, 20.0))


def a_lesson(rows: int, seed: int = 1) -> Lesson:
    """The second number never misses, the last is never there."""
    chance = np.random.default_rng(seed)
    inputs = chance.normal(size=(rows, WIDTH))
    inputs[chance.random(inputs.shape) < 0.1] = np.nan
    inputs[:, 1] = chance.normal(size=rows)
    inputs[:, -1] = np.nan
    target = 2 * np.nan_to_num(inputs[:, 0], nan=1.5) + inputs[:, 1] + chance.normal(size=rows)
    return Lesson(inputs, target)


def test_trees_give_what_scikit_learn_gives_to_the_last_bit() -> None:
    lesson, rounds = a_lesson(4000), 20
    booster = HistGradientBoostingRegressor(
        **_FIXED, **_BOOSTED, max_iter=rounds, early_stopping=False
    )
    with one_thread():
        grown = booster.fit(lesson.inputs[:, :-1], lesson.target)
    known = Lesson(lesson.inputs[:, :-1], lesson.target)
    trees = Trees(grow("batch", known, rounds), WIDTH - 1)
    rows = a_lesson(300, seed=2).inputs[:, :-1]
    rows[::5, 1] = np.nan

    assert [trees.predict(row) for row in rows.tolist()] == list(grown.predict(rows))


@pytest.mark.parametrize("model", ["batch", "forest"])
def test_what_is_grown_foretells_what_it_has_not_seen(model: str) -> None:
    fit, held = a_lesson(4000), a_lesson(1000, seed=2)

    rounds, predicted = choose_rounds(model, fit, held)
    trees = Trees(grow(model, fit, rounds), WIDTH)
    mine = [trees.predict(row) for row in held.inputs.tolist()]

    assert np.mean((held.target - predicted) ** 2) < 0.4 * np.var(held.target)
    assert np.mean((held.target - mine) ** 2) < 0.4 * np.var(held.target)


def test_the_rounds_that_are_chosen_are_the_best_on_what_was_held_out() -> None:
    fit, held = a_lesson(4000), a_lesson(1000, seed=2)
    nothing = Lesson(held.inputs, np.random.default_rng(3).normal(size=1000))

    assert choose_rounds("batch", fit, held)[0] > 20
    assert choose_rounds("batch", fit, nothing)[0] < 5


@given(st.lists(st.floats(-2, 2) | st.just(float("nan")), min_size=WIDTH, max_size=WIDTH))
def test_a_split_sends_what_is_not_above_it_and_what_is_missing_to_the_left(
    row: list[float],
) -> None:
    found = Trees(text_of([ONE_SPLIT, ONE_SPLIT]), WIDTH).predict(row)

    assert found == (40.0 if row[2] > 0.5 else 20.0)
    assert Trees(text_of([ONE_SPLIT, ONE_SPLIT], average=True), WIDTH).predict(row) == found / 2


def test_a_tree_without_a_split_answers_its_leaf() -> None:
    assert Trees(text_of([Tree((), (), (), (), (), (7.5,))]), WIDTH).predict([0.0] * WIDTH) == 7.5


@pytest.mark.parametrize(
    "damage",
    [
        ("split_feature=2", "split_feature=9"),
        ("threshold=0.5", "threshold=high"),
        ("left_child=-1", "left_child=0"),
        ("right_child=-2", "right_child=-1"),
        ("right_child=-2", "right_child=5"),
        ("leaf_value=10.0 20.0", "leaf_value="),
        ("decision_type=10", "decision_type=1"),
        ("Tree=0", "Shrub=0"),
    ],
)
def test_a_text_that_is_no_tree_is_refused(damage: tuple[str, str]) -> None:
    text = text_of([ONE_SPLIT])
    assert damage[0] in text

    with pytest.raises(ValueError, match=r"\S"):
        Trees(text.replace(*damage), WIDTH)
