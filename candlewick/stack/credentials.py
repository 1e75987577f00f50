"""The passwords of the local ClickHouse: generated once, in a file only its owner can read."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigurationError
from schemas.files import write_first
from schemas.settings import variable_name

WRITER = variable_name("clickhouse", "password")
READER = variable_name("clickhouse", "reader_password")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The passwords of the writer and the reader; ``repr`` never shows them."""

    password: str
    reader_password: str

    def __repr__(self) -> str:
        return "Credentials(...)"


def load_or_create(path: Path) -> Credentials:
    """Return the passwords of a file; if it is missing, create it with new ones."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"{name}={secrets.token_urlsafe(24)}\n" for name in (WRITER, READER))
        # Of two first starts at the same moment both must have the passwords that stay.
        write_first(path, "".join(lines), mode=0o600)
    return load(path)


def load(path: Path) -> Credentials:
    """Return the passwords of a file.

    Raises:
        ConfigurationError: The file is not UTF-8 text, or lacks a password.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path} is not UTF-8 text: restore it, as the running stack does not accept new ones"
        ) from error
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    password, reader_password = values.get(WRITER), values.get(READER)
    if not password or not reader_password:
        raise ConfigurationError(
            f"{path} needs {WRITER} and {READER}: write them, or remove the file for new ones"
        )
    return Credentials(password, reader_password)
