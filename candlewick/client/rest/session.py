"""What both clients have in common: where the API is, who asks, and how requests are made."""

import inspect
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, get_args

import httpx

from candlewick.client.find_stack import nearby_settings
from candlewick.client.rest.call import AnswerT, Call
from candlewick.client.rest.following import PATH, Following
from candlewick.stack.api_address import page_url, trusting
from schemas.errors import ConfigurationError

CONNECT_S: Final = 5.0
LIMIT_S: Final = 30.0
PATIENCE_S: Final = 60.0
STREAM_PATIENCE_S: Final = 600.0
MethodT = TypeVar("MethodT", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Session:
    """An API, and who asks it.

    Attributes:
        tls: Whom to trust; None for those whom the system trusts.
        limit_s: How long one answer may take as a whole.
        patience_s: How long a call is tried again.
    """

    url: httpx.URL
    tls: ssl.SSLContext | None
    token: str | None = field(repr=False)
    limit_s: float
    patience_s: float

    @property
    def what(self) -> str:
        """Who is asked, for an error."""
        return f"the API at {self.url}"

    def signed_in(self, token: str) -> "Session":
        """Return the same session for whoever has this token."""
        return replace(self, token=_checked(token))

    def request(self, http: httpx.Client | httpx.AsyncClient, call: Call[AnswerT]) -> httpx.Request:
        """Return the request of a call."""
        return http.build_request(
            call.method,
            self._address(call.path),
            params=call.parameters,
            json=call.body,
            data=call.form,
            headers=self._headers(),
            timeout=httpx.Timeout(self.limit_s, connect=CONNECT_S),
        )

    def stream_request(
        self, http: httpx.Client | httpx.AsyncClient, following: Following
    ) -> httpx.Request:
        """Return the request of the next connection of the live stream."""
        return http.build_request(
            "GET",
            self._address(PATH),
            params=following.parameters,
            headers=following.headers | self._headers(),
            timeout=httpx.Timeout(self.limit_s, connect=CONNECT_S, read=following.silence_s),
        )

    def _address(self, path: str) -> str:
        return str(self.url).rstrip("/") + path

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def open_session(
    url: str | None,
    token: str | None,
    tls: ssl.SSLContext | None,
    limit_s: float,
    patience_s: float,
) -> Session:
    """Return a session; without a URL, one with the nearest stack of this machine.

    Raises:
        ConfigurationError: The URL, the token or a setting is wrong.
    """
    if url is None:
        settings = nearby_settings().api
        url, tls = page_url(settings), tls or trusting(settings)
    _refuse_password(url)
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ConfigurationError(
            f"{url!r} is not the address of an API: write for example http://127.0.0.1:8000"
        )
    who = _checked(token) if token else None
    return Session(address, tls, who, limit_s, patience_s)


def documented(method: MethodT, call: Callable[..., object]) -> MethodT:
    """Return a method that is described as the call that it makes."""
    described, returned = inspect.signature(call), inspect.signature(method).return_annotation
    (answer,) = get_args(described.return_annotation)
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = described.replace(
        parameters=[first, *described.parameters.values()],
        return_annotation=answer if isinstance(returned, TypeVar) else returned[answer],
    )
    method.__doc__, method.__name__ = call.__doc__, call.__name__
    vars(method)["__signature__"] = signature
    return method


def _refuse_password(url: str) -> None:
    """Refuse a user in an address: httpx would send it instead of the token, and errors show it."""
    if "@" in str(url).partition("://")[2].partition("/")[0]:
        raise ConfigurationError(
            "the address of the API has a user in it: leave it out, and give a token, or sign in"
        )


def _checked(token: str) -> str:
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigurationError("this is not a token: give what /v1/token answers, and no more")
    return token
