"""`candlewick service`: has the system start the stack by itself, after a reboot too."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from candlewick.commands.options import Live, Workers
from candlewick.stack.addresses import Market
from candlewick.stack.local_settings import stack_folder
from candlewick.stack.service_files import LABEL, Service, launchd_plist, systemd_unit
from schemas.errors import ConfigurationError
from schemas.files import write_whole
from schemas.settings import PREFIX, load_settings

service = typer.Typer(no_args_is_help=True, help="Have the system start the stack by itself.")
System = Annotated[
    bool, typer.Option("--system", help="For the whole machine, at boot; needs root's rights.")
]

_LEFT: Final = "not taken along, as only this shell has them"
# Libraries read these from the environment: `.env` is read for our settings alone.
_OF_THE_NETWORK: Final = {
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "XDG_CACHE_HOME"),
}


@service.command()
def install(*, system: System = False, live: Live = False, workers: Workers = 1) -> None:
    """Write a systemd unit, or a launchd property list on macOS, that runs `candlewick up` here.

    The working directory is this one, so that its `.env` has the settings. It starts nothing: the
    lines that it prints do.
    """
    # What is refused here would keep the service from starting.
    folder = stack_folder(load_settings())
    folder.refuse_other(Market.REAL if live else Market.SIMULATED)
    path = _path(system=system)
    arguments = ["up", *(["--live"] if live else []), *_workers(workers)]
    user = _user() if system else None
    wanted = Service((_program(), *arguments), Path.cwd(), user)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if sys.platform == "darwin":
            write_whole(path, launchd_plist(wanted, Path.cwd() / f"{LABEL}.log"))
        else:
            write_whole(path, systemd_unit(wanted))
    except PermissionError as error:
        raise ConfigurationError(
            f"{path} cannot be written: use sudo, or leave out --system"
        ) from error
    typer.echo(f"wrote {path}; start it, now and from now on, with")
    for line in _starting(path, system=system):
        typer.echo(f"    {line}")
    typer.echo("`candlewick down` stops it until the next boot; before that, start it again with")
    typer.echo(f"    {_starting_again(system=system)}")
    if names := sorted(name for name in os.environ if name.startswith(PREFIX)):
        typer.echo(f"{_LEFT}: {', '.join(names)}")
        typer.echo(f"write them into {Path.cwd() / '.env'}")
    if names := sorted(name for name in os.environ if name.upper() in _OF_THE_NETWORK):
        typer.echo(f"{_LEFT}, and .env cannot have them: {', '.join(names)}")
        typer.echo(f"write them into the service: {_environment(path, system=system)}")


@service.command()
def remove(*, system: System = False) -> None:
    """Remove what `install` wrote; a stack that runs goes on until it is told to stop."""
    path = _path(system=system)
    try:
        path.unlink()
        for wants in path.parent.glob("*.wants"):  # where `systemctl enable` made a link
            (wants / path.name).unlink(missing_ok=True)
    except FileNotFoundError:
        raise ConfigurationError(f"there is no {path}: nothing was installed") from None
    except PermissionError as error:
        raise ConfigurationError(f"{path} cannot be removed: use sudo") from error
    typer.echo(f"removed {path}; have the system forget it with")
    typer.echo(f"    {_forgetting(system=system)}")


def _path(*, system: bool) -> Path:
    if sys.platform == "darwin":
        folder = Path("/Library/LaunchDaemons") if system else Path.home() / "Library/LaunchAgents"
        return folder / f"{LABEL}.plist"
    if system:
        return Path("/etc/systemd/system", f"{LABEL}.service")
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config, "systemd/user", f"{LABEL}.service")


def _starting(path: Path, *, system: bool) -> list[str]:
    if sys.platform == "darwin":
        return [f"launchctl load -w {path}"]
    manager = _manager(system=system)
    lines = [f"{manager} daemon-reload", f"{manager} enable --now {LABEL}"]
    # Without it a user's services end when the user logs out, and none starts at boot.
    return lines if system else [*lines, f"loginctl enable-linger {getpass.getuser()}"]


def _starting_again(*, system: bool) -> str:
    if sys.platform == "darwin":
        return f"launchctl start {LABEL}"
    return f"{_manager(system=system)} start {LABEL}"


def _environment(path: Path, *, system: bool) -> str:
    if sys.platform == "darwin":
        return f"the dictionary EnvironmentVariables in {path}"
    return f"{_manager(system=system)} edit {LABEL}, below [Service] a line Environment=NAME=value"


def _forgetting(*, system: bool) -> str:
    if sys.platform == "darwin":
        return f"launchctl remove {LABEL}  # it ends a stack that runs"
    return f"{_manager(system=system)} daemon-reload"


def _manager(*, system: bool) -> str:
    return "systemctl" if system else "systemctl --user"


def _program() -> str:
    """Return the full path of this command, whose environment has the packages."""
    here = Path(sys.executable).with_name("candlewick")
    return str(here if here.exists() else Path(sys.argv[0]).absolute())


def _user() -> str:
    """Return who runs it: whoever called sudo, as nothing of the stack needs root's rights."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _workers(count: int) -> list[str]:
    return ["--workers", str(count)] if count > 1 else []
