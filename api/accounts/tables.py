"""SQLAlchemy tables of users and of the keys that sign their tokens."""

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table

METADATA = MetaData()
USERS = Table(
    "candlewick_users",
    METADATA,
    Column("username", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
)
KEYS = Table(
    "candlewick_keys",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("secret", LargeBinary(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
