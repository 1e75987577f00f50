"""Settings of the stack on this machine, for every command that connects to it."""

from pathlib import Path

from pydantic import SecretStr

from candlewick.stack.addresses import Addresses, local_settings
from candlewick.stack.credentials import Credentials, load, load_or_create
from candlewick.stack.folder import StackFolder
from candlewick.stack.state import read_state
from schemas.settings import Settings, load_settings


def stack_folder(settings: Settings) -> StackFolder:
    """Return the folder of the local stack, as an absolute path."""
    return StackFolder(Path(settings.data_dir).absolute())


def reader_settings(chosen: Settings | None = None) -> Settings:
    """Return the settings for connecting to the stack.

    Addresses and passwords that the environment does not set come from the stack that was last
    started in the folder.

    Args:
        chosen: Settings to begin with; default: those of the environment.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    settings = load_settings() if chosen is None else chosen
    folder = stack_folder(settings)
    if state := read_state(folder.state):
        settings = _with_addresses(settings, state.addresses)
    if folder.credentials.exists():
        settings = with_credentials(settings, load(folder.credentials))
    return settings.model_copy(update={"data_dir": folder.root})


def supervisor_settings(settings: Settings, addresses: Addresses) -> Settings:
    """Return the settings of a stack that is about to start, and create its passwords if needed."""
    folder = stack_folder(settings)
    found = with_credentials(settings, load_or_create(folder.credentials))
    return local_settings(found, addresses).model_copy(update={"data_dir": folder.root})


def with_credentials(settings: Settings, credentials: Credentials) -> Settings:
    """Return the settings, with passwords that are not set filled in."""
    clickhouse = settings.clickhouse
    found = {
        "password": _first(clickhouse.password, credentials.password),
        "reader_password": _first(clickhouse.reader_password, credentials.reader_password),
    }
    return settings.model_copy(update={"clickhouse": clickhouse.model_copy(update=found)})


def _first(chosen: SecretStr, generated: str) -> SecretStr:
    return chosen if chosen.get_secret_value() else SecretStr(generated)


def _with_addresses(settings: Settings, addresses: Addresses) -> Settings:
    local = local_settings(settings, addresses)
    kept = {
        name: getattr(settings, name)
        for name in ("kafka", "clickhouse", "binance", "coins")
        if getattr(settings, name).model_fields_set & {"bootstrap_servers", "url", "rest_url"}
    }
    return local.model_copy(update=kept)
