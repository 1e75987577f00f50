"""Authentication: passwords, tokens, and their users."""

import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from pwdlib import PasswordHash

from api.accounts.database import TAKEN, UserExists, Users, open_database
from api.accounts.login_limits import Attempts
from api.accounts.tokens import Tokens
from api.accounts.users import NewUser, User
from schemas.settings import Settings

TOGETHER = 4


class Passwords:
    """Password hashes by Argon2. Each takes 64 MB, so callers limit how many run at a time."""

    def __init__(self) -> None:
        self._hash = PasswordHash.recommended()

    def hash(self, password: str) -> str:
        """Return the hash of a password, for storing."""
        return self._hash.hash(password)

    def hash_all(self, passwords: Sequence[str]) -> list[str]:
        """Return the hashes of several passwords, made `TOGETHER` at a time."""
        if len(passwords) == 1:
            return [self.hash(passwords[0])]
        with ThreadPoolExecutor(TOGETHER) as threads:
            return list(threads.map(self.hash, passwords))

    def verify(self, password: str, hashed: str) -> bool:
        """Return whether a password matches a hash."""
        return self._hash.verify(password, hashed)


@dataclass(frozen=True, slots=True)
class Gate:
    """Users, their tokens, and their attempts to sign in."""

    users: Users
    tokens: Tokens
    attempts: Attempts
    passwords: Passwords
    decoy: str

    def sign_in(self, username: str, password: str) -> User | None:
        """Return the user if the password is right; an unknown name takes just as long."""
        found = self.users.find_with_hash(username)
        user, hashed = found or (None, self.decoy)
        return user if self.passwords.verify(password, hashed) else None

    def who(self, token: str) -> User | None:
        """Return the user of a token, or None if it is no longer valid."""
        claim = self.tokens.read(token)
        user = self.users.find(claim.username) if claim else None
        return user if user and claim and user.generation == claim.generation else None

    def add(self, people: Sequence[NewUser]) -> None:
        """Add users, all or none; raises `UserExists`."""
        if self.users.has_any([person.username for person in people]):
            raise UserExists(TAKEN)  # before the slow hashing
        hashes = self.passwords.hash_all([person.password for person in people])
        rows = [(p.username, p.role, h) for p, h in zip(people, hashes, strict=True)]
        self.users.add(rows, now_ms=now_ms())

    def change_password(
        self, username: str, password: str, *, generation: int | None = None
    ) -> bool:
        """Change a password, which ends the user's tokens; returns as `Users.set_password` does."""
        hashed = self.passwords.hash(password)
        return self.users.set_password(username, hashed, generation=generation)


@contextmanager
def open_gate(settings: Settings) -> Iterator[Gate]:
    """Open the user database and close it at the end; raises as `open_database` does."""
    passwords = Passwords()
    limits = settings.api
    with open_database(settings) as engine:
        yield Gate(
            users=Users(engine),
            tokens=Tokens(engine, limits, now_ms),
            attempts=Attempts(limits.login_attempts, limits.login_wait_s, time.monotonic),
            passwords=passwords,
            decoy=passwords.hash(secrets.token_urlsafe(16)),
        )


def now_ms() -> int:
    """Return this machine's time in UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000
