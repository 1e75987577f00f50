"""Reads YAML as plain text values, and keeps the line of each."""

from pathlib import Path
from typing import Final

import yaml

from sinks.notify.faults import Fault, Place, RulesError, written

MOST_NODES: Final = 20_000
MOST_DEPTH: Final = 20
_NONE: Final = {"", "none", "null", "~"}


def parsed(path: Path, text: str, places: dict[Place, int]) -> object:
    """Return the content of a YAML file as dictionaries, lists and text.

    Args:
        path: The file, for errors.
        text: Its content.
        places: Filled with the line of each place.

    Raises:
        RulesError: It is not YAML, a key is there twice, or it is too large or too deep.
    """
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise RulesError(path, [Fault(line, "", f"not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, RecursionError):
        raise RulesError(path, [Fault(1, "", "not YAML: write plain text")]) from None
    if node is None:
        raise RulesError(path, [Fault(1, "", "the file is empty: write `rules:` and a rule")])
    return _Plain(path, places).of(node, ())


class _Plain:
    """Turns YAML nodes into plain values, all of them text, and keeps the line of each."""

    def __init__(self, path: Path, places: dict[Place, int]) -> None:
        self._path = path
        self._places = places
        self._left = MOST_NODES

    def of(self, node: yaml.Node, place: Place) -> object:
        """Return the value of a node.

        Raises:
            RulesError: A key is there twice, or the aliases of the file multiply without end.
        """
        line = node.start_mark.line + 1
        self._places.setdefault(place, line)
        self._left -= 1
        if self._left < 0 or len(place) > MOST_DEPTH:
            raise RulesError(self._path, [Fault(line, "", "too large or too deep: shorten it")])
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.of(item, (*place, number)) for number, item in enumerate(node.value)]
        return node.value

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            line, key = key_node.start_mark.line + 1, str(key_node.value)
            if key in found:
                raise RulesError(
                    self._path, [Fault(line, written(place), f"{key} is there twice: remove one")]
                )
            self._places[(*place, key)] = line
            found[key] = self.of(value_node, (*place, key))
            if key == "quiet_hours" and isinstance(value_node, yaml.ScalarNode):
                self._no_quiet_hours(found, place)
        return found

    def _no_quiet_hours(self, found: dict[str, object], place: Place) -> None:
        """Read `quiet_hours: none` of the file or of a target; a rule has words of its own."""
        if "rules" not in place and str(found["quiet_hours"]).lower() in _NONE:
            found["quiet_hours"] = None
