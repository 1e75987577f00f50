"""What an answer means: its body, or an error that says what to do next.

CandlewickError
 ├── ApiError             the API refuses: change the request, or sign in
 │    └── ApiUnavailable  and it may answer later: a `Transient`, too
 └── Transient            the API does not answer at all

Source: RFC 9457, "Problem Details for HTTP APIs".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from candlewick.client.rest.call import AnswerT, Call
from schemas.errors import CandlewickError, ConfigurationError, ContractMismatch, Transient

NOT_FRESH = "no-fresh-prediction"
_LATER = frozenset({429, 502, 503, 504})  # the last three also from a proxy before the API
_LONGEST = 200
_AGAIN_S = 1.0  # where no wait is told


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error in a request: where it is, for example ``query.symbol``, and what is wrong."""

    place: str
    message: str


class ApiError(CandlewickError):
    """The API refused a request; the text says why.

    Attributes:
        status: HTTP's status, for example 404.
        kind: The kind of problem, for example ``unknown-symbol``: the end of its ``type``.
        title: What every problem of the kind has in common.
        detail: What is wrong with this request.
        errors: The errors in the request, one by one.
    """

    def __init__(self, status: int, problem: "_Problem") -> None:
        super().__init__(f"{problem.detail or problem.title} ({status})")
        self.status = status
        self.kind = problem.type.rpartition("/")[2]
        self.title = problem.title
        self.detail = problem.detail
        self.errors = tuple(FieldError(each.place, each.message) for each in problem.errors)


class ApiUnavailable(ApiError, Transient):  # noqa: N818 - what to do next, as `Transient`
    """The API cannot answer now; ``retry_after_s`` says when to ask again."""

    def __init__(self, status: int, problem: "_Problem") -> None:
        super().__init__(status, problem)
        told_s = problem.retry_after_s
        self.retry_after_s = _AGAIN_S if told_s is None else told_s


class _FieldFault(BaseModel):
    place: str
    message: str


class _Problem(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    errors: list[_FieldFault] = []
    retry_after_s: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "_Problem":
        if not (self.detail or self.title):  # the JSON of a gateway
            raise ValueError("neither title nor detail")
        return self


def read_answer(call: Call[AnswerT], response: httpx.Response) -> AnswerT:
    """Return the answer to a call.

    Raises:
        ApiError: The API refused.
        ContractMismatch: The answer is not one of this API, or of another version.
    """
    if response.is_success:
        return _read(call, response)
    if response.status_code in call.also:
        try:
            return _read(call, response)
        except ContractMismatch:
            raise error_of(response) from None
    raise error_of(response)


def error_of(response: httpx.Response) -> ApiError:
    """Return the error of an answer that is a refusal; its body must have been read."""
    status = response.status_code
    try:
        problem = _Problem.model_validate_json(response.content)
    except ValidationError:  # a proxy's page, or another server
        said = " ".join(response.text.split())[:_LONGEST] or response.reason_phrase or "no words"
        problem = _Problem(title=response.reason_phrase, detail=said)
    wait = response.headers.get("retry-after", "")
    if problem.retry_after_s is None and wait.isdecimal():
        problem.retry_after_s = float(wait)
    return ApiUnavailable(status, problem) if status in _LATER else ApiError(status, problem)


@contextmanager
def reached(url: httpx.URL | str) -> Iterator[None]:
    """Translate errors on the way to the API.

    Raises:
        Transient: It cannot be reached, or breaks off.
        ConfigurationError: The request cannot be sent at all.
    """
    try:
        yield
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
        raise ConfigurationError(
            f"this request cannot be sent to {url} ({error}): correct the address or what is asked"
        ) from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        said = str(error) or type(error).__name__
        raise Transient(
            f"the API does not answer at {url} ({said}): start it, or give its address"
        ) from error


def _read(call: Call[AnswerT], response: httpx.Response) -> AnswerT:
    try:
        return call.read(response.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ContractMismatch(
            f"{response.url.copy_with(query=None)} answers otherwise than this version of "
            f"candlewick knows ({place}: {first['msg']}): is it the API, and of the same version?"
        ) from error
