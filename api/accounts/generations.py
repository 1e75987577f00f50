"""The generation: a number that a token shares with its user, so that no token outlives the user.

It starts at random and rises with each change of the password. If a user is removed and another
gets the same name, no token of the first is valid for the second.
"""

import secrets

from sqlalchemy import BigInteger, Connection, inspect, select, text, update

from api.accounts.tables import USERS

LEAST = 2**32  # earlier versions counted from 0 for every user
_MOST = 2**62


def new_generation() -> int:
    """Return a random number that no token of an earlier user contains."""
    return LEAST + secrets.randbelow(_MOST - LEAST)


def upgrade(connection: Connection) -> None:
    """Give users from an earlier version a new number, once, which ends their tokens."""
    _widen(connection)
    is_old = USERS.c.generation < LEAST
    names = connection.scalars(select(USERS.c.username).where(is_old).order_by("username")).all()
    for name in names:
        change = update(USERS).where(USERS.c.username == name, is_old)
        connection.execute(change.values(generation=new_generation()))


def _widen(connection: Connection) -> None:
    """Widen PostgreSQL's column if an earlier version made the table; SQLite needs no change."""
    if connection.dialect.name != "postgresql":
        return
    columns = {
        column["name"]: column["type"] for column in inspect(connection).get_columns(USERS.name)
    }
    if not isinstance(columns["generation"], BigInteger):
        connection.execute(text(f"ALTER TABLE {USERS.name} ALTER COLUMN generation TYPE BIGINT"))
