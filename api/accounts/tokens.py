"""Access tokens: signed and short-lived; changing the password or deleting the key ends them.

Source: RFC 7519, "JSON Web Token"; RFC 7515 for `kid`.
"""

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import jwt
from jwt.types import Options
from sqlalchemy import Connection, Engine, delete, insert, select

from api.accounts.database import in_transaction
from api.accounts.tables import KEYS
from api.accounts.users import User
from schemas.settings import ApiSettings
from schemas.timeframe import DAY_MS

ALGORITHM = "HS256"
ISSUER = "candlewick"
KNOWN_MS = 1_000  # so long a key that another process has deleted still counts
UNKNOWN_MS = 1_000  # between two looks for keys of others: anybody can name one that is not there
_ODD = (OverflowError, RecursionError)  # raised for huge numbers and deeply nested brackets
_OPTIONS: Options = {  # times are compared with the clock that is passed in
    "require": ["exp", "sub", "iss"],
    "verify_exp": False,
    "verify_iat": False,
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key that signs new tokens or has signed tokens that are still valid."""

    name: str
    secret: bytes
    created_ms: int


@dataclass(frozen=True, slots=True)
class _Known:
    keys: tuple[Key, ...] = ()
    read_ms: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """Contents of a valid token."""

    username: str
    generation: int


class Tokens:
    """Makes and reads tokens. The newest key signs; older keys stay while their tokens are valid.

    Args:
        engine: Database of the keys, shared by all processes of the API.
        settings: Lifetimes of tokens and keys.
        now_ms: Clock in UTC epoch milliseconds.
    """

    def __init__(self, engine: Engine, settings: ApiSettings, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._token_ms = settings.token_minutes * 60_000
        self._key_ms = settings.key_days * DAY_MS
        self._now_ms = now_ms
        self._known = _Known()
        self._missed_ms: int | None = None
        self._lock = threading.Lock()

    @property
    def lifetime_s(self) -> int:
        """How long a token is valid, in seconds."""
        return self._token_ms // 1000

    def make(self, user: User) -> str:
        """Return a new token for a user."""
        now_ms, key = self._now_ms(), self._signing_key()
        claims = {
            "iss": ISSUER,
            "sub": user.username,
            "gen": user.generation,
            "role": user.role.value,
            "iat": now_ms // 1000,
            "exp": (now_ms + self._token_ms) // 1000,
        }
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.name})

    def read(self, token: str) -> Claim | None:
        """Return the contents of a token, or None if it is not valid."""
        try:
            name = jwt.get_unverified_header(token).get("kid")
            key = self._key(name)
            if key is None:
                return None
            claims = jwt.decode(token, key.secret, [ALGORITHM], options=_OPTIONS, issuer=ISSUER)
            alive = int(claims["exp"]) * 1000 > self._now_ms()
            return Claim(str(claims["sub"]), int(claims["gen"])) if alive else None
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, *_ODD):
            return None

    def ends_ms(self, token: str) -> int:
        """Return when a token that was found valid ends, in UTC epoch milliseconds."""
        claims = jwt.decode(token, options={"verify_signature": False})
        return int(claims["exp"]) * 1000

    def rotate(self, *, forget: bool = False) -> None:
        """Make a new key; ``forget`` deletes the old ones, which ends all their tokens at once."""
        now_ms = self._now_ms()
        key = {"name": secrets.token_hex(8), "secret": secrets.token_bytes(32)}

        def write(connection: Connection) -> None:
            if forget:
                connection.execute(delete(KEYS))
            connection.execute(insert(KEYS).values(key | {"created_ms": now_ms}))

        in_transaction(self._engine, write)
        with self._lock:
            self._known = _Known()

    def _key(self, name: object) -> Key | None:
        found = _named(name, self._keys())
        return _named(name, self._read_keys()) if found is None and self._may_look() else found

    def _may_look(self) -> bool:
        """Return whether to look for a key that is not known, as one of another process may be."""
        now_ms, missed_ms = self._now_ms(), self._missed_ms
        if missed_ms is not None and 0 <= now_ms - missed_ms < UNKNOWN_MS:
            return False
        self._missed_ms = now_ms
        return True

    def _signing_key(self) -> Key:
        keys = self._read_keys()  # one that another process has deleted would sign for nothing
        if not keys or self._now_ms() - keys[-1].created_ms >= self._key_ms:
            self.rotate()
            keys = self._read_keys()
            self._drop_spent(keys)
        return keys[-1]

    def _drop_spent(self, keys: Sequence[Key]) -> None:
        """Delete keys that were replaced longer ago than the lifetime of a token."""
        spent_ms = self._now_ms() - self._token_ms
        spent = [old.name for old, new in pairwise(keys) if new.created_ms < spent_ms]
        query = delete(KEYS).where(KEYS.c.name.in_(spent))
        in_transaction(self._engine, lambda connection: connection.execute(query))

    def _keys(self) -> tuple[Key, ...]:
        known = self._known
        fresh = 0 <= self._now_ms() - known.read_ms < KNOWN_MS
        return known.keys if known.keys and fresh else self._read_keys()

    def _read_keys(self) -> tuple[Key, ...]:
        known, now_ms = self._known, self._now_ms()
        query = select(KEYS).order_by(KEYS.c.created_ms)
        # Without the lock: a database that does not answer must not make threads wait in a row.
        rows = in_transaction(self._engine, lambda connection: connection.execute(query).all())
        keys = tuple(Key(row.name, row.secret, row.created_ms) for row in rows)
        with self._lock:
            if self._known is known:  # otherwise there is a new key since
                self._known = _Known(keys, now_ms)
        return keys


def _named(name: object, keys: Sequence[Key]) -> Key | None:
    return next((key for key in keys if key.name == name), None)
