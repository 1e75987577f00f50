"""Signing in."""

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.requests import Request

from api import problems
from api.accounts.people import LONGEST_PASSWORD
from api.documented import errors
from api.parts import Parts, TheParts
from api.problems import Members, Problem
from api.shapes.users import Token

router = APIRouter(tags=["users"])


class SignIn(BaseModel):
    """Name and password, as OAuth2's password grant has them. Source: RFC 6749, section 4.3.2."""

    model_config = ConfigDict(extra="ignore")

    username: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=LONGEST_PASSWORD)


@router.post(
    "/v1/token",
    responses=errors(
        problems.SIGN_IN,
        problems.INVALID,
        problems.SLOW_DOWN,
        problems.TOO_LARGE,
        problems.UNAVAILABLE,
    ),
)
def token(request: Request, parts: TheParts, form: Annotated[SignIn, Form()]) -> Token:
    """Exchange name and password for a token."""
    names = (f"user {form.username.lower()}", f"address {_address(request)}")
    check_attempts(parts, *names)
    user = parts.gate.sign_in(form.username, form.password.get_secret_value())
    if user is None:
        parts.gate.attempts.failed(*names)
        raise Problem(problems.SIGN_IN, "name or password is wrong")
    parts.gate.attempts.succeeded(*names)
    tokens = parts.gate.tokens
    return Token(access_token=tokens.make(user), expires_in=tokens.lifetime_s, role=user.role)


def check_attempts(parts: Parts, *names: str) -> None:
    """Refuse who had too many wrong passwords.

    Raises:
        Problem: The wait is not over; 429.
    """
    if wait_s := parts.gate.attempts.wait_s(*names):
        detail = "too many wrong passwords"
        raise Problem(problems.SLOW_DOWN, detail, members=Members(retry_after_s=wait_s))


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
