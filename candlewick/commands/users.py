"""`candlewick users`: manages the API's users, on the machine where the API runs."""

import secrets
from contextlib import AbstractContextManager
from typing import Annotated

import typer

from api.accounts.authentication import Gate, open_gate
from api.accounts.database import FILE
from api.accounts.users import NewUser, Role, password_fault, username_fault
from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.json_lines import AsJson, print_json
from schemas.errors import ConfigurationError
from schemas.settings import Settings, variable_name

users = typer.Typer(no_args_is_help=True, help="Users of the API.")
Name = Annotated[str, typer.Argument(help="The user's name.")]
Generate = Annotated[
    bool, typer.Option("--generate", help="Generate a password and show it once; do not prompt.")
]


@users.command()
def add(
    name: Name,
    *,
    role: Annotated[
        Role,
        typer.Option(
            help="viewer may read, operator also ask for trainings, admin also manage users."
        ),
    ] = Role.VIEWER,
    admin: Annotated[bool, typer.Option("--admin", help="The same as --role admin.")] = False,
    generate: Generate = False,
) -> None:
    """Add a user, who can then sign in."""
    _refuse(username_fault(name), "name")
    settings = reader_settings()
    _check_place(settings, may_make=True)
    with open_gate(settings) as gate:
        if gate.users.find(name) is not None:
            raise ConfigurationError(
                f"there is already a user {name.lower()}: see `candlewick users list`"
            )
        password = _password(name, generate=generate)
        gate.add([NewUser(name, Role.ADMIN if admin else role, password)])
    typer.echo(f"added {name.lower()} to {_place(settings)}")


@users.command("list")
def list_users(*, as_json: AsJson = False) -> None:
    """List the users with their roles."""
    with _gate() as gate:
        found = gate.users.all()
    if as_json:
        print_json(
            {"username": user.username, "role": user.role, "created_ms": user.created_ms}
            for user in found
        )
        return
    for user in found:
        typer.echo(f"{user.username}\t{user.role}")


@users.command()
def password(name: Name, *, generate: Generate = False) -> None:
    """Set a new password for a user, which ends the user's tokens."""
    with _gate() as gate:
        known = gate.users.find(name) is not None
        changed = known and gate.change_password(name, _password(name, generate=generate))
    if not changed:
        raise ConfigurationError(f"there is no user {name}: see `candlewick users list`")
    typer.echo(f"changed the password of {name.lower()}")


@users.command()
def remove(name: Name) -> None:
    """Remove a user."""
    with _gate() as gate:
        removed = gate.users.remove(name)
    if not removed:
        raise ConfigurationError(f"there is no user {name}: see `candlewick users list`")
    typer.echo(f"removed {name.lower()}")


@users.command("rotate-key")
def rotate_key(
    *,
    forget: Annotated[
        bool, typer.Option("--forget", help="End all tokens within a second, after a theft.")
    ] = False,
) -> None:
    """Sign new tokens with a new key; issued tokens stay valid until they expire."""
    with _gate() as gate:
        gate.tokens.rotate(forget=forget)
    typer.echo("tokens are signed with a new key")


def _gate() -> AbstractContextManager[Gate]:
    settings = reader_settings()
    _check_place(settings, may_make=False)
    return open_gate(settings)


def _check_place(settings: Settings, *, may_make: bool) -> None:
    """Refuse a place without a stack, where a new database would be one that no API reads."""
    if settings.api.users_url is not None:
        return
    folder, advice = settings.data_dir, "run this where the stack is, or set CANDLEWICK_DATA_DIR"
    if not folder.is_dir():
        raise ConfigurationError(f"there is no stack in {folder}: {advice}")
    if not may_make and not (folder / FILE).exists():
        raise ConfigurationError(f"there is no user database in {folder}: {advice}")


def _place(settings: Settings) -> str:
    if settings.api.users_url is not None:
        return f"the database of {variable_name('api', 'users_url')}"
    return str(settings.data_dir / FILE)


def _password(name: str, *, generate: bool) -> str:
    if generate:
        made = secrets.token_urlsafe(18)
        typer.echo(f"password of {name.lower()}, shown once: {made}")
        return made
    asked = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    _refuse(password_fault(asked, name), "password")
    return asked


def _refuse(fault: str | None, what: str) -> None:
    if fault is not None:
        raise ConfigurationError(f"the {what} is refused: {fault}")
