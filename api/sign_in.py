"""Checks passwords: each attempt is counted first, then verified in a few hashing threads."""

import asyncio
from functools import partial

from api.accounts.login_limits import TooManyAttempts
from api.accounts.users import User
from api.dependencies import Dependencies
from api.http import problems
from api.http.problems import Members, Problem


async def check_password(
    parts: Dependencies, client: str, username: str, password: str
) -> User | None:
    """Return the user if the password is right, otherwise None.

    Args:
        parts: The parts of the application.
        client: Name of the client, as `client_of` returns it.
        username: User name as given.
        password: Password as given.

    Raises:
        Problem: Too many wrong passwords, or too many attempts at the same time; 429.
    """
    name, gate = username.lower(), parts.gate
    parts.hashing.enter(client)
    try:
        delay_s = _begin(parts, name, client)
        await asyncio.sleep(delay_s)
        user = await parts.hashing.work(partial(gate.sign_in, name, password))
    finally:
        parts.hashing.leave(client)
    if user is not None:
        gate.attempts.succeeded(name, client)
    return user


def _begin(parts: Dependencies, name: str, client: str) -> float:
    try:
        return parts.gate.attempts.begin(name, client)
    except TooManyAttempts as error:
        wait = Members(retry_after_s=error.wait_s)
        raise Problem(problems.SLOW_DOWN, str(error), members=wait) from error
