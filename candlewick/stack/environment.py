"""The environment of a child process: the settings as variables."""

import os
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel, SecretStr

from schemas.settings import PREFIX, Settings, variable_name

# glibc allows eight heaps a core; two are enough here and return memory sooner.
_ALWAYS: Final = {
    "PYTHONUNBUFFERED": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONFAULTHANDLER": "1",  # a crash inside a library leaves its stack in the log
}


def environment_of(settings: Settings) -> dict[str, str]:
    """Return this process's environment, with exactly these settings as `CANDLEWICK_` variables."""
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith(PREFIX)}
    return inherited | _ALWAYS | dict(_variables(settings))


def _variables(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if not isinstance(value, BaseModel):
            yield variable_name(name), _text(value)
            continue
        for inner in type(value).model_fields:
            leaf = getattr(value, inner)
            if leaf is not None:
                yield variable_name(name, inner), _text(leaf)
            elif inner in value.model_fields_set:  # None was chosen, and may not be the default
                yield variable_name(name, inner), ""


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{key}={text}" for key, text in value.items())
    return str(value)
