"""Reads the rules file, and joins it with the addresses of the settings."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from schemas.errors import ConfigurationError
from schemas.settings import Settings, variable_name
from sinks.notify.faults import Fault, Place, RulesError, fault_of, written
from sinks.notify.plan import Plan, RulesFile, named_rules, targets_of
from sinks.notify.yaml_lines import parsed

MOST_BYTES: Final = 256 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read_plan(settings: Settings, path: Path | None = None) -> Plan:
    """Read and check the rules file.

    Args:
        settings: Addresses of targets, address of the page, and the path of the file.
        path: The file, instead of that of the settings.

    Raises:
        ConfigurationError: No file is set, it cannot be read, others may read the addresses in it,
            or it has errors: one line for each.
    """
    chosen = path or settings.notify.rules
    if chosen is None:
        raise ConfigurationError(
            f"no rules file: set {variable_name('notify', 'rules')}=rules.yaml, or name it: "
            "candlewick notify rules.yaml"
        )
    text = _text_of(chosen)
    places: dict[Place, int] = {}
    file = _checked(chosen, parsed(chosen, text, places), places)
    if any(options.url is not None for options in file.targets.values()):
        _refuse_readable(chosen)
    targets = tuple(targets_of(file, settings.notify.addresses))
    known = tuple(target.name for target in targets)
    if faults := list(_loose_ends(file, known, places)):
        raise RulesError(chosen, faults)
    rules = named_rules(file, known)
    return Plan(targets, rules, int(file.old_minutes * 60_000), settings.notify.page)


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ConfigurationError(f"{path} is larger than {MOST_BYTES // 1024} KiB: shorten it")
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: write it again as UTF-8") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def _refuse_readable(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        raise ConfigurationError(
            f"others may read the addresses in {path}: run `chmod 600 {path}`, or move them to "
            f"{variable_name('notify', 'targets')}"
        )


def _checked(path: Path, value: object, places: Mapping[Place, int]) -> RulesFile:
    try:
        return RulesFile.model_validate(value)
    except ValidationError as error:
        faults = [fault_of(found, places) for found in error.errors(include_url=False)]
        raise RulesError(path, sorted(faults, key=lambda fault: fault.line)) from None


def _loose_ends(
    file: RulesFile, known: tuple[str, ...], places: Mapping[Place, int]
) -> Iterator[Fault]:
    for name in file.targets:
        if name not in known:
            yield Fault(
                places["targets", name],
                f"targets.{name}",
                f"it has no address: write url: here, or {name}=... in "
                f"{variable_name('notify', 'targets')}",
            )
    if not known and not file.targets:
        yield Fault(1, "targets", "there is none: name one, and give its address")
    names = [rule.name or "" for rule in file.rules]
    for number, rule in enumerate(file.rules):
        place: Place = ("rules", number)
        for at, target in enumerate(rule.targets):
            if target not in (*known, *file.targets):
                some = ", ".join(known) or "none yet"
                yield Fault(
                    places[(*place, "targets", at)],
                    written((*place, "targets")),
                    f"there is no target {target}: choose from {some}",
                )
        if rule.name and rule.name in names[:number]:
            yield Fault(
                places[(*place, "name")],
                written((*place, "name")),
                f"another rule is called {rule.name}: choose another name",
            )
