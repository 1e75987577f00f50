"""The number that a token shares with its user, so that no token outlives the user.

It begins at random and rises with each change of the password: of two users who had the same name,
one after the other, no token of the first is one of the second.
"""

import secrets

from sqlalchemy import BigInteger, Connection, inspect, select, text, update

from api.accounts.tables import USERS

LEAST = 2**32  # earlier versions counted from 0, and everybody began there
_MOST = 2**62


def new_generation() -> int:
    """Return a number that no token of an earlier user holds."""
    return LEAST + secrets.randbelow(_MOST - LEAST)


def upgrade(connection: Connection) -> None:
    """Give users whom an earlier version made a new number, which ends their tokens, once."""
    _widen(connection)
    is_old = USERS.c.generation < LEAST
    names = connection.scalars(select(USERS.c.username).where(is_old).order_by("username")).all()
    for name in names:
        change = update(USERS).where(USERS.c.username == name, is_old)
        connection.execute(change.values(generation=new_generation()))


def _widen(connection: Connection) -> None:
    """Let PostgreSQL hold the numbers, where an earlier version made the table; SQLite does."""
    if connection.dialect.name != "postgresql":
        return
    columns = {
        column["name"]: column["type"] for column in inspect(connection).get_columns(USERS.name)
    }
    if not isinstance(columns["generation"], BigInteger):
        connection.execute(text(f"ALTER TABLE {USERS.name} ALTER COLUMN generation TYPE BIGINT"))
