"""Users and roles, and the rules for names and passwords."""

import re
from dataclasses import dataclass
from enum import StrEnum

USERNAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,61}[A-Za-z0-9]$"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 128


class Role(StrEnum):
    """Permissions of a user; each role includes those before it."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # ask for trainings
    ADMIN = "admin"  # manage users

    def may(self, needed: "Role") -> bool:
        """Return whether this role includes the role that is needed."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in.

    Attributes:
        generation: Starts at random and rises with each change of the password; tokens with another
            generation are not valid.
    """

    username: str
    role: Role
    created_ms: int
    generation: int


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be added; the password is never shown."""

    username: str
    role: Role
    password: str

    def __repr__(self) -> str:
        return f"NewUser({self.username}, {self.role})"


def username_fault(username: str) -> str | None:
    """Return what is wrong with a user name, None if it is valid."""
    if re.fullmatch(USERNAME, username):
        return None
    return "2 to 63 letters, digits or . - _ @; the first and last a letter or digit"


def password_fault(password: str, username: str) -> str | None:
    """Return what is wrong with a password, None if it is valid."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
    if username.lower() in password.lower():
        return "must not contain the user name"
    if len(set(password)) < 5:  # noqa: PLR2004 - what a guess tries first
        return "at least five different characters"
    return None
