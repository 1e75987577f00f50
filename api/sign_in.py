"""Whether a password is right: counted first, then tried in the few threads that hash."""

import asyncio
from functools import partial

from api.accounts.login_limits import TooManyAttempts
from api.accounts.users import User
from api.dependencies import Parts
from api.http import problems
from api.http.problems import Members, Problem


async def check_password(parts: Parts, client: str, username: str, password: str) -> User | None:
    """Return the user whose password it is, or None.

    Args:
        parts: The application's.
        client: Who asks, as `client_of` names it.
        username: Whom they say they are.
        password: What they say to prove it.

    Raises:
        Problem: There were too many wrong ones, or too many ask at the same time; 429.
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


def _begin(parts: Parts, name: str, client: str) -> float:
    try:
        return parts.gate.attempts.begin(name, client)
    except TooManyAttempts as error:
        wait = Members(retry_after_s=error.wait_s)
        raise Problem(problems.SLOW_DOWN, str(error), members=wait) from error
