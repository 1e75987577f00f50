"""The API as a stranger asks it, and what it answered."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx

from tests.attack.tally import Fault, Tally
from tests.support.stack import Stack

_TOGETHER: Final = 4
_PATIENCE_S: Final = 30.0
_INNER_WORDS: Final = ("Traceback", "DB::Exception", "sqlalchemy")
PASSWORD: Final = "correct horse battery"  # noqa: S105 - of a stack that lives for minutes


def url_of(stack: Stack) -> str:
    """Return where the API is."""
    return f"http://127.0.0.1:{stack.ports['api']}"


def client_of(stack: Stack, token: str | None = None) -> httpx.Client:
    """Return a client of the API, as somebody or as nobody."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url_of(stack), headers=headers, timeout=_PATIENCE_S)


def ask(client: httpx.Client, tally: Tally, method: str, path: str, **more: Any) -> int:
    """Ask once; count the answer, and blame what no answer may be. Returns its status, or 0."""
    tally.tried += 1
    what = f"{method} {path} {more}"[:200]
    try:
        with client.stream(method, path, **more) as answer:
            is_endless = answer.headers.get("content-type", "").startswith("text/event-stream")
            text = "" if is_endless else answer.read().decode(errors="replace")
    except (httpx.InvalidURL, UnicodeEncodeError):
        tally.tried -= 1  # this client cannot even say it
        return 0
    except httpx.HTTPError as error:
        tally.blame(Fault.SILENCE, f"{error!r} for {what}")
        return 0
    tally.answered(answer.status_code, what, retry_after="retry-after" in answer.headers)
    if any(word in text for word in _INNER_WORDS):
        tally.blame(Fault.TRACE, f"inner words in the answer to {what}: {text[:100]}")
    return answer.status_code


def at_once(inputs: Iterable[Callable[[], object]], *, together: int = _TOGETHER) -> list[object]:
    """Do several at a time; returns what they returned, in order."""
    with ThreadPoolExecutor(together) as threads:
        return [done.result() for done in [threads.submit(one) for one in inputs]]


def add_user(stack: Stack, name: str, role: str) -> str:
    """Let a person in by the command line; returns the password."""
    told = stack("users", "add", name, "--role", role, "--generate")
    assert told.returncode == 0, told.stderr
    return told.stdout.split("shown once: ")[1].split()[0]


def sign_in(stack: Stack, name: str, password: str) -> str:
    """Return a token."""
    form = {"username": name, "password": password}
    answer = httpx.post(f"{url_of(stack)}/v1/token", data=form, timeout=_PATIENCE_S)
    return str(answer.raise_for_status().json()["access_token"])


def token_of(stack: Stack, name: str, role: str) -> str:
    """Let a person in and sign in."""
    return sign_in(stack, name, add_user(stack, name, role))
