"""JSON models of users, passwords and tokens."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.accounts.users import LONGEST_PASSWORD, SHORTEST_PASSWORD, USERNAME, Role

Name = Annotated[str, Field(pattern=USERNAME, examples=["ada"])]
Password = Annotated[
    SecretStr,
    Field(
        min_length=SHORTEST_PASSWORD,
        max_length=LONGEST_PASSWORD,
        examples=["correct horse battery staple"],
    ),
]
OldPassword = Annotated[SecretStr, Field(max_length=LONGEST_PASSWORD)]


class UserRow(BaseModel):
    """A user."""

    username: str
    role: Role
    created_ms: int
    created_time: str


class UserList(BaseModel):
    """All users."""

    data: list[UserRow]


class UserRequest(BaseModel):
    """A user to be added."""

    model_config = ConfigDict(extra="forbid")

    username: Name
    role: Role = Role.VIEWER
    password: Password


class PasswordChange(BaseModel):
    """A new password; to change your own, `current` is required."""

    model_config = ConfigDict(extra="forbid")

    password: Password
    current: OldPassword | None = None


class Imported(BaseModel):
    """Result of an import: the number of users created."""

    created: int


class Token(BaseModel):
    """A token, to be sent as `Authorization: Bearer`."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Lifetime in seconds.")
    role: Role
