"""Errors of the rules file: each with its line and what to do; none shows a value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from schemas.errors import ConfigurationError, own_words
from sinks.notify.plan import AnyRule, Limit, RulesFile, TargetOptions
from sinks.notify.quiet_hours import QuietHours

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of the rules file."""

    line: int
    where: str
    text: str


class RulesError(ConfigurationError):
    """A rules file with errors; the message has one line for each."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        lines = (f"{path}:{f.line}: {f.where and f.where + ': '}{f.text}" for f in faults)
        super().__init__("\n".join(lines))


def fault_of(found: ErrorDetails, places: Mapping[Place, int]) -> Fault:
    """Return an error of pydantic as one of the file.

    Args:
        found: The error.
        places: The line of each place of the file.
    """
    place = _place_of(found["loc"])
    shown = place[:-1] if found["type"] in {"missing", "extra_forbidden"} else place
    line = next((places[place[:n]] for n in range(len(place), -1, -1) if place[:n] in places), 1)
    return Fault(line, written(shown), _what_to_do(found, place))


def _place_of(location: tuple[int | str, ...]) -> Place:
    """Return a place in the file; pydantic adds the kind of a rule behind its number."""
    if location[:1] == ("rules",) and len(location) > 2:  # noqa: PLR2004 - rules, number, kind
        return (*location[:2], *location[3:])
    return location


def _what_to_do(found: ErrorDetails, place: Place) -> str:
    kind, key = found["type"], place[-1] if place else ""
    if kind == "extra_forbidden":
        near = get_close_matches(str(key), _known_keys(found["loc"]), n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it, or see docs/notifications.md"
        return f"{key} is not a key: {hint}"
    if kind == "literal_error":
        return f"write {found['ctx']['expected']}".replace("'", "")
    words = {
        "missing": f"{key} is missing: add it",
        "union_tag_not_found": f"when is missing: add when: and one of {', '.join(_kinds())}",
        "union_tag_invalid": f"write for when: one of {', '.join(_kinds())}",
        "model_attributes_type": "write keys and values here, such as when: gap",
        "model_type": "write keys and values here",
        "dict_type": "write keys and values here",
        "tuple_type": "write a list here, each line with a dash",
        "string_pattern_mismatch": "write a name of small letters, digits, - and _, at most 32",
    }
    told = own_words(found["msg"]).replace("Input should be", "it must be")
    return words.get(kind, told)


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    return [name for model in _models_at(location) for name in _keys(model)]


def _models_at(location: tuple[int | str, ...]) -> Iterator[type[BaseModel]]:
    if len(location) > 1 and location[-2] == "limit":
        yield Limit
    elif len(location) > 1 and location[-2] == "quiet_hours":
        yield QuietHours
    elif location[0] == "rules":
        yield from (kind for kind in _rule_types() if _kind_of(kind) == location[2])
    elif location[0] == "targets":
        yield TargetOptions
    else:
        yield RulesFile


def _keys(model: type[BaseModel]) -> Iterator[str]:
    yield from (field.alias or name for name, field in model.model_fields.items())


def _rule_types() -> tuple[type[BaseModel], ...]:
    union = get_args(AnyRule)[0]
    return cast("tuple[type[BaseModel], ...]", get_args(union))


def _kind_of(model: type[BaseModel]) -> str:
    return str(get_args(model.model_fields["when"].annotation)[0])


def _kinds() -> list[str]:
    return [_kind_of(model) for model in _rule_types()]


def written(place: Place) -> str:
    """Return a place as people write it: ``rules[2].minutes``, counted from 1."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text
