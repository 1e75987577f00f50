"""The user database: SQLite in the data folder, or PostgreSQL by URL."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from api.accounts.generations import new_generation, upgrade
from api.accounts.tables import METADATA, USERS
from api.accounts.users import Role, User
from clients.limits import within
from schemas.errors import CandlewickError, ConfigurationError, Transient, how_to_add
from schemas.settings import Settings, variable_name

FILE = "users.db"
TAKEN = "a name is taken: see the list of users"
ANSWER_S: Final = 5.0
_AGAIN_S: Final = 5.0
_LONGEST_REASON: Final = 300
_VARIABLE = variable_name("api", "users_url")
# By itself a SELECT locks nothing: two that read the same could both write what it allows.
_ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(7163384644)",  # any number that nobody else takes
}

# A server that is gone without a word frees its connections after half a minute, not after hours.
# Source: PostgreSQL documentation, "Database Connection Control Functions".
_LIBPQ: Final = {
    "connect_timeout": 3,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_Result = TypeVar("_Result")


class UserExists(CandlewickError):  # noqa: N818 - it is not a fault
    """The name is taken."""


class LastAdmin(CandlewickError):  # noqa: N818 - it is not a fault
    """Nobody who can manage users would be left."""


@contextmanager
def open_database(settings: Settings) -> Iterator[Engine]:
    """Open the user database, create missing tables, and close its connections at the end.

    Raises:
        ConfigurationError: The URL is invalid, its driver is not installed, or the database can
            never be used: it is none, or allows no tables.
        Transient: The database does not answer.
    """
    engine = _engine(settings)
    try:
        _prepare(engine)
        yield engine
    finally:
        engine.dispose()


class Users:
    """Users by name; names are lower case."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[User]:
        """Return all users, sorted by name."""
        query = select(USERS).order_by(USERS.c.username)
        rows = in_transaction(self._engine, lambda connection: connection.execute(query).all())
        return [User(r.username, Role(r.role), r.created_ms, r.generation) for r in rows]

    def find(self, username: str) -> User | None:
        """Return the user with this name, or None."""
        found = self.find_with_hash(username)
        return found[0] if found else None

    def find_with_hash(self, username: str) -> tuple[User, str] | None:
        """Return a user and their password hash, or None."""
        if not _is_text(username):
            return None
        query = select(USERS).where(USERS.c.username == username.lower())
        row = in_transaction(self._engine, lambda found: found.execute(query).one_or_none())
        if row is None:
            return None
        return User(row.username, Role(row.role), row.created_ms, row.generation), row.password_hash

    def has_any(self, names: Sequence[str]) -> bool:
        """Return whether one of these names is taken."""
        wanted = {name.lower() for name in names}
        return any(user.username in wanted for user in self.all())

    def add(self, people: Sequence[tuple[str, Role, str]], *, now_ms: int) -> None:
        """Add users, given as name, role and hash: all of them or none.

        Raises:
            UserExists: A name is taken.
        """
        rows = [
            {"username": name.lower(), "role": role.value, "password_hash": hashed}
            | {"created_ms": now_ms, "generation": new_generation()}
            for name, role, hashed in people
        ]
        try:
            in_transaction(self._engine, lambda users: users.execute(insert(USERS), rows))
        except IntegrityError as error:
            raise UserExists(TAKEN) from error

    def set_password(self, username: str, hashed: str, *, generation: int | None = None) -> bool:
        """Change the password hash and end the user's tokens; return False for an unknown user.

        With a generation only this one counts: whoever had it has not been changed since.
        """
        change = {"password_hash": hashed, "generation": USERS.c.generation + 1}
        query = update(USERS).where(USERS.c.username == username.lower()).values(change)
        if generation is not None:
            query = query.where(USERS.c.generation == generation)
        return in_transaction(self._engine, lambda users: users.execute(query).rowcount > 0)

    def remove(self, username: str) -> bool:
        """Remove a user; return False if there is none.

        Raises:
            LastAdmin: The user is the last admin.
        """
        name = username.lower()
        admins = select(USERS.c.username).where(USERS.c.role == Role.ADMIN.value)

        def remove(connection: Connection) -> bool:
            _wait_for_others(connection)
            if set(connection.scalars(admins)) == {name}:
                raise LastAdmin(f"{name} is the last admin: make another one first")
            return connection.execute(delete(USERS).where(USERS.c.username == name)).rowcount > 0

        return in_transaction(self._engine, remove)


def in_transaction(engine: Engine, do: Callable[[Connection], _Result]) -> _Result:
    """Run a function in a transaction, which is committed if it ends in time without an error.

    Raises:
        Transient: The database does not answer within `ANSWER_S`. What the function raises is
            raised as it is.
    """
    until_s = time.monotonic() + ANSWER_S

    def run() -> _Result:
        with engine.begin() as connection:
            result = do(connection)
            if time.monotonic() > until_s:  # nobody waits any more, and was told that it failed
                raise Transient("the user database has answered too late")
            return result

    try:
        return within(ANSWER_S, "the user database", run)
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        said = f"the user database does not answer ({_reason(error)})"
        raise Transient(said, retry_after_s=_AGAIN_S) from error
    except Transient as error:
        said = f"the user database does not answer within {ANSWER_S:g} s"
        raise Transient(said, retry_after_s=_AGAIN_S) from error


def _is_text(username: str) -> bool:
    """Return whether a database takes it: PostgreSQL no NUL, none what is no Unicode."""
    try:
        username.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in username


def _reason(error: SQLAlchemyError) -> str:
    """Return the driver's own words, in which there are no statements and no values."""
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    return said.splitlines()[0][:_LONGEST_REASON]


def _prepare(engine: Engine) -> None:
    try:
        in_transaction(engine, _make_tables)
    except Transient as error:
        cause = error.__cause__
        if not isinstance(cause, DatabaseError) or isinstance(cause, OperationalError):
            raise
        raise ConfigurationError(
            f"the user database cannot be used ({_reason(cause)}): correct what it says, "
            f"or set {_VARIABLE} to another one"
        ) from error


def _make_tables(connection: Connection) -> None:
    _wait_for_others(connection)
    METADATA.create_all(connection)
    upgrade(connection)


def _wait_for_others(connection: Connection) -> None:
    """Begin a transaction in which what is read stays so until it ends."""
    if (alone := _ALONE.get(connection.dialect.name)) is not None:
        connection.exec_driver_sql(alone)


def _engine(settings: Settings) -> Engine:
    url = settings.api.users_url
    if url is None:
        return _local(settings.data_dir / FILE)
    try:
        return _elsewhere(make_url(url.get_secret_value()))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigurationError(
            f"{_VARIABLE} cannot be used: write postgresql+psycopg://user:password@host/database, "
            f"and add the driver: {how_to_add('postgres')}"
        ) from error


def _elsewhere(url: URL) -> Engine:
    if url.get_driver_name() not in {"psycopg", "psycopg2"}:
        return create_engine(url, pool_pre_ping=True)
    limits = {name: limit for name, limit in _LIBPQ.items() if name not in url.query}
    return create_engine(url, connect_args=limits, pool_timeout=ANSWER_S, pool_pre_ping=True)


def _local(path: Path) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"the user database {path} cannot be opened ({error.strerror}): "
            "allow it to this user, or set CANDLEWICK_DATA_DIR"
        ) from error
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": ANSWER_S})

    @event.listens_for(engine, "connect")
    def _keep_readers_going(connection: DBAPIConnection, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")

    return engine
