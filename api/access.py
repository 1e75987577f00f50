"""Authentication and authorisation of requests, as dependencies of the routes."""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from anyio import to_thread
from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from api.accounts.authentication import now_ms
from api.accounts.database import ANSWER_S
from api.accounts.users import Role, User
from api.dependencies import Dependencies, parts_of
from api.http import problems
from api.http.problems import Problem
from clients.limits import answered
from schemas.errors import Transient

SUBPROTOCOL = "candlewick.v1"  # a browser's websocket cannot send headers: it offers the token
_OFFER = "bearer."
BEARER = {"WWW-Authenticate": "Bearer"}
_INVALID = "the token is not valid or has expired"
_NOT_BEARER = (
    "only `Authorization: Bearer` is understood: "
    "a proxy with a sign-in of its own must remove its header"
)
_scheme = OAuth2PasswordBearer("/v1/token", auto_error=False, description="See `/v1/token`.")


async def find_user(connection: HTTPConnection) -> User | None:
    """Return the user of a request; None if it has no token.

    Raises:
        Problem: The token is not valid, or something else is in its place (401), or the user sent
            too many requests (429).
        Transient: The user database does not answer.
    """
    kind, token = _token(connection)
    if not kind:
        return None
    parts = parts_of(connection)
    user: User | None = None
    if kind.lower() == "bearer":
        # With the wait for a thread: those of others are not taken while the database is frozen.
        asked = to_thread.run_sync(parts.gate.who, token, limiter=parts.asking_users)
        user = await answered(ANSWER_S, "the user database", asked)
    if user is None:
        detail = _INVALID if kind.lower() == "bearer" else _NOT_BEARER
        raise Problem(problems.SIGN_IN, detail, headers=BEARER)
    if not getattr(connection.state, "is_counted", False):  # a route may ask more than once
        connection.state.is_counted = True
        parts.rates.check(connection, f"user {user.username}")
    return user


def offered(connection: HTTPConnection) -> list[str]:
    """Return the subprotocols offered by a websocket. Source: RFC 6455, section 11.3.4."""
    names = connection.headers.get("sec-websocket-protocol", "").split(",")
    return [name.strip() for name in names]


def _token(connection: HTTPConnection) -> tuple[str, str]:
    """Return the scheme and the token of a request; empty where it has none."""
    header = connection.headers.get("authorization") or _offered(connection)
    kind, _, token = header.partition(" ")
    return kind, token.strip()


def _offered(connection: HTTPConnection) -> str:
    if connection.scope["type"] != "websocket":
        return ""
    tokens = (n.removeprefix(_OFFER) for n in offered(connection) if n.startswith(_OFFER))
    return next((f"Bearer {token}" for token in tokens), "")


async def may_read(connection: HTTPConnection) -> User | None:
    """Admit users who may read market data; raises as `check_role` does."""
    user = await find_user(connection)
    parts: Dependencies = parts_of(connection)
    if user is None and not parts.settings.api.public_read:
        check_role(user, Role.VIEWER)
    return user


class Permission:
    """What `may_read` has allowed, asked for again while a stream is open.

    Args:
        connection: The connection that was admitted.
        every_s: Seconds after which the user database is asked again.
    """

    def __init__(self, connection: HTTPConnection, every_s: float) -> None:
        self._connection, self._every_s = connection, every_s
        self._asked_s = time.monotonic()
        parts = parts_of(connection)
        self._is_public = parts.settings.api.public_read
        if not self._is_public:
            self._ends_ms = parts.gate.tokens.ends_ms(_token(connection)[1])

    async def lasts(self) -> bool:
        """Return whether the user may still read; where reading is public, everybody may."""
        return self._is_public or (now_ms() < self._ends_ms and await self._is_confirmed())

    async def _is_confirmed(self) -> bool:
        if time.monotonic() - self._asked_s < self._every_s:
            return True
        try:
            await may_read(self._connection)
        except Problem:
            return False
        except Transient:  # without the user database nobody is admitted, but nobody sent away
            pass
        self._asked_s = time.monotonic()
        return True


def needs(role: Role) -> Callable[[HTTPConnection], Awaitable[User]]:
    """Return a dependency that admits a role and those above it."""

    async def user_with_role(connection: HTTPConnection) -> User:
        return check_role(await find_user(connection), role)

    return user_with_role


def check_role(user: User | None, needed: Role) -> User:
    """Return the user if their role is sufficient.

    Raises:
        Problem: Nobody is signed in (401), or the role is not sufficient (403).
    """
    if user is None:
        raise Problem(problems.SIGN_IN, f"this needs the role {needed}", headers=BEARER)
    if not user.role.may(needed):
        detail = f"this needs the role {needed}, but {user.username} has the role {user.role}"
        raise Problem(problems.FORBIDDEN, detail)
    return user


Reading = [Depends(may_read)]
Viewer = Annotated[User, Depends(needs(Role.VIEWER))]
Operator = Annotated[User, Depends(needs(Role.OPERATOR))]
Admin = Annotated[User, Depends(needs(Role.ADMIN))]
Signed = [Depends(_scheme)]
