"""Who may do what."""

import re
from dataclasses import dataclass
from enum import StrEnum

USERNAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,61}[A-Za-z0-9]$"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 128


class Role(StrEnum):
    """What a person may do; each may do what those before it may."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # ask for trainings
    ADMIN = "admin"  # manage users

    def may(self, needed: "Role") -> bool:
        """Tell whether this role does for what needs another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in.

    Attributes:
        generation: Begins at random and rises with each change of the password: tokens of another
            one are none of this user's.
    """

    username: str
    role: Role
    created_ms: int
    generation: int


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person to be let in; never shown with the password."""

    username: str
    role: Role
    password: str

    def __repr__(self) -> str:
        return f"NewUser({self.username}, {self.role})"


def username_fault(username: str) -> str | None:
    """Return what is wrong with a name."""
    if re.fullmatch(USERNAME, username):
        return None
    return "2 to 63 letters, digits, dots, dashes, underscores or @, no sign first or last"


def password_fault(password: str, username: str) -> str | None:
    """Return what is wrong with a password."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
    if username.lower() in password.lower():
        return "must not hold the user's name"
    if len(set(password)) < 5:  # noqa: PLR2004 - what a guess tries first
        return "at least five different characters"
    return None
