"""Kinds of problem, sent as ``application/problem+json`` with a stable ``type``.

Source: RFC 9457, "Problem Details for HTTP APIs".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"
FOLDER = "/problems/"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; its page is at ``/problems/<name>``.

    Attributes:
        title: Short description, always the same.
        remedy: What the client can do.
    """

    name: str
    status: int
    title: str
    remedy: str

    @property
    def type(self) -> str:
        """The stable identifier, a URI reference."""
        return FOLDER + self.name


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error in a request.

    Attributes:
        place: Where it is, for example ``query.symbol`` or ``row 3, username``.
    """

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Members:
    """Extension members of some problems.

    Attributes:
        retry_after_s: Whole seconds to wait, also sent as ``Retry-After``; None to send neither.
        errors: The errors in the request, one by one.
        registry_code: Error code of the Schema Registry's protocol.
    """

    retry_after_s: int | None = None
    errors: tuple[FieldError, ...] = ()
    registry_code: int | None = None


class Problem(Exception):  # noqa: N818 - the RFC's word
    """Raised by a route to answer with a problem."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        members: Members | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.members = members or Members()
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every kind of problem by its name."""

    kinds: dict[str, Kind] = field(default_factory=dict)

    def add(self, name: str, status: HTTPStatus, title: str, remedy: str) -> Kind:
        """Add a kind and return it."""
        kind = Kind(name, int(status), title, remedy)
        self.kinds[name] = kind
        return kind


CATALOGUE = Catalogue()
INVALID = CATALOGUE.add(
    "invalid-request",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The request is not valid",
    "Correct what `errors` names; `/openapi.json` lists the fields.",
)
UNKNOWN_SYMBOL = CATALOGUE.add(
    "unknown-symbol",
    HTTPStatus.NOT_FOUND,
    "There is no such symbol",
    "Choose one of `/v1/symbols`.",
)
NOT_FOUND = CATALOGUE.add(
    "not-found", HTTPStatus.NOT_FOUND, "There is nothing here", "Check the path and the names."
)
NOT_ALLOWED = CATALOGUE.add(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "The path does not support this method",
    "Use one of the methods in `Allow`.",
)
NO_FORMAT = CATALOGUE.add(
    "not-acceptable",
    HTTPStatus.NOT_ACCEPTABLE,
    "The answer is not available in this format",
    "Ask for JSON, CSV, Parquet or Arrow.",
)
TOO_LARGE = CATALOGUE.add(
    "body-too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large",
    "Send less at once.",
)
MALFORMED = CATALOGUE.add(
    "malformed-request",
    HTTPStatus.BAD_REQUEST,
    "This is not HTTP",
    "Send requests as RFC 9112 defines them.",
)
TOO_SLOW = CATALOGUE.add(
    "request-timeout",
    HTTPStatus.REQUEST_TIMEOUT,
    "The request was not complete in time",
    "Send less at once, or over a faster connection.",
)
HEAD_TOO_LARGE = CATALOGUE.add(
    "head-too-large",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The head of the request is too large",
    "Send fewer and shorter headers, and a shorter path.",
)
NO_RANGE = CATALOGUE.add(
    "range-not-satisfiable",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "The answer has no such bytes",
    "`Content-Range` names the length; ask for bytes below it.",
)
SIGN_IN = CATALOGUE.add(
    "sign-in",
    HTTPStatus.UNAUTHORIZED,
    "Nobody is signed in",
    "Get a token at `/v1/token` and send it as `Authorization: Bearer`.",
)
FORBIDDEN = CATALOGUE.add(
    "forbidden",
    HTTPStatus.FORBIDDEN,
    "The role does not allow it",
    "Ask an admin for a role that allows it.",
)
CONFLICT = CATALOGUE.add(
    "conflict", HTTPStatus.CONFLICT, "The request conflicts with the present state", "See `detail`."
)
SLOW_DOWN = CATALOGUE.add(
    "too-many-requests",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many requests",
    "Wait as long as `Retry-After` says.",
)
NOT_FRESH = CATALOGUE.add(
    "no-fresh-prediction",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "There is no prediction for the open candle",
    "Ask again after `Retry-After`; `/v1/predictions` has past predictions.",
)
UNAVAILABLE = CATALOGUE.add(
    "unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "A required part does not answer",
    "Ask again after `Retry-After`; `/healthcheck` says what is down.",
)
TOO_MANY_CLIENTS = CATALOGUE.add(
    "too-many-clients",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The live stream has as many clients as it allows",
    "Connect again after `Retry-After`.",
)
BROKEN = CATALOGUE.add(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The API failed to handle the request",
    "Nothing was changed partially; tell the operator the time of the request.",
)
