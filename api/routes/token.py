"""Route for signing in."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Form
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.requests import Request

from api.accounts.users import LONGEST_PASSWORD
from api.dependencies import TheParts
from api.http import problems
from api.http.client_address import client_of
from api.http.openapi import errors
from api.http.problems import Problem
from api.http.responses import no_store
from api.payloads.users import Token
from api.sign_in import check_password

router = APIRouter(tags=["users"], dependencies=[Depends(no_store)])


class SignIn(BaseModel):
    """Name and password, as in OAuth2's password grant. Source: RFC 6749, section 4.3.2."""

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
async def token(request: Request, parts: TheParts, form: Annotated[SignIn, Form()]) -> Token:
    """Exchange a name and password for a token."""
    password = form.password.get_secret_value()
    user = await check_password(parts, client_of(request), form.username, password)
    if user is None:
        raise Problem(problems.SIGN_IN, "the name or the password is wrong")
    tokens = parts.gate.tokens
    made = await to_thread.run_sync(tokens.make, user, limiter=parts.asking_users)
    return Token(access_token=made, expires_in=tokens.lifetime_s, role=user.role)
