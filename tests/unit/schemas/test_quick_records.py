"""The quicker constructor of frozen records: nothing but its speed differs."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from schemas.quick_records import quick
from tests.support.builders import a_candle


@dataclass(frozen=True, slots=True)
class Slow:
    name: str
    size: float
    known: bool = False
    place: int | None = None


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    size: float
    known: bool = False
    place: int | None = None


def test_a_quick_record_is_made_as_before() -> None:
    assert inspect.signature(Quick) == inspect.signature(Slow)
    assert repr(Quick("a", 1.0)) == repr(Slow("a", 1.0)).replace("Slow", "Quick")
    assert Quick("a", 1.0, place=3) == Quick(name="a", size=1.0, known=False, place=3)
    assert hash(Quick("a", 1.0)) == hash(Slow("a", 1.0))
    with pytest.raises(TypeError, match="size"):
        Quick("a")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="colour"):
        Quick("a", 1.0, colour=1)  # type: ignore[call-arg]


def test_a_quick_record_cannot_be_changed_but_replaced_copied_and_pickled() -> None:
    made = Quick("a", 1.0)

    with pytest.raises(FrozenInstanceError):
        made.size = 2.0  # type: ignore[misc]
    assert replace(made, size=2.0) == Quick("a", 2.0)
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made  # noqa: S301
    candle = a_candle()
    assert replace(copy.deepcopy(candle), open_ms=0) == replace(candle, open_ms=0)


def test_a_record_whose_constructor_does_more_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Listing:
        names: list[str] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Checked:
        size: int

        def __post_init__(self) -> None:
            raise ValueError

    for record in (Listing, Checked):
        with pytest.raises(TypeError, match="use no @quick"):
            quick(record)
