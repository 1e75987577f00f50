"""1a: tokens that are forged, or of somebody who is gone; roles that ask for more."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Final

from tests.attack.tally import Fault, Tally
from tests.attack.web import PASSWORD, add_user, ask, client_of, sign_in
from tests.attack.world import World

_FORBIDDEN: Final = (  # what a viewer may not do
    ("GET", "/v1/users", {}),
    ("GET", "/v1/users/export", {}),
    ("POST", "/v1/users", {"json": {"username": "evil", "password": PASSWORD}}),
    ("POST", "/add_user", {"json": {"username": "evil", "password": PASSWORD}}),
    ("POST", "/v1/users/import", {"content": b"username,role,password\n"}),
    ("POST", "/import_users", {"content": b"username,role,password\n"}),
    ("DELETE", "/v1/users/keeper", {}),
    ("POST", "/v1/users/keeper/password", {"json": {"password": PASSWORD}}),
    ("POST", "/train", {"json": {"symbol": "BTCUSDT"}}),
    ("POST", "/v1/models/train", {"json": {"symbol": "BTCUSDT"}}),
)
_TRICKS: Final[tuple[dict[str, Any], ...]] = (  # of the header
    {"kid": "../../dev/null"},
    {"kid": None},
    {"kid": "' OR 1=1"},
    {"kid": "x" * 5_000},
    {"jwk": {"kty": "oct", "k": ""}},
    {"jku": "http://127.0.0.1:1/"},
    {"x5u": "x"},
    {"crit": ["x"]},
)
_SECRETS: Final = (b"", b"secret", b"candlewick", b"\0" * 32, b"HS256")
_SCHEMES: Final = ("Bearer {}", "bearer {}", "Basic {}", "Token {}", "Bearer  {} x", "{}")


def attack(world: World, tally: Tally) -> None:
    """Try to be somebody else."""
    stack = world.stack
    admin = sign_in(stack, "keeper", add_user(stack, "keeper", "admin"))
    viewer = sign_in(stack, "ghost", add_user(stack, "ghost", "viewer"))
    _must_refuse(world, tally, None, {401})
    _must_refuse(world, tally, viewer, {403})
    for forged in _forged(viewer, admin):
        with client_of(stack) as client:
            for scheme in world.some(_SCHEMES, in_short=2):
                headers = {"Authorization": scheme.format(forged)}
                status = ask(client, tally, "GET", "/v1/users/me", headers=headers)
                if status not in {0, 400, 401, 403, 431}:
                    tally.blame(Fault.ACCEPTED, f"{status} for the token {forged[:80]}")
    with client_of(stack, admin) as keeper:
        for more in ("role", "generation", "created_ms", "is_admin"):
            body = {"password": PASSWORD, more: "admin"}
            if ask(keeper, tally, "POST", "/v1/users/ghost/password", json=body) != 422:
                tally.blame(Fault.ACCEPTED, f"{more} in a change of the password")
        ask(keeper, tally, "DELETE", "/v1/users/ghost")
        _is_none(world, tally, viewer, "a deleted user")
        again = {"username": "ghost", "password": PASSWORD, "role": "admin"}
        if ask(keeper, tally, "POST", "/v1/users", json=again) != 201:
            tally.blame(Fault.LOSS, "a name could not be made again")
        _is_none(world, tally, viewer, "whoever had the name before")
        mine = sign_in(stack, "ghost", PASSWORD)
        other = {"password": PASSWORD[::-1]}
        ask(keeper, tally, "POST", "/v1/users/ghost/password", json=other)
        _is_none(world, tally, mine, "who had another password")


def _must_refuse(world: World, tally: Tally, token: str | None, right: set[int]) -> None:
    with client_of(world.stack, token) as client:
        for method, path, more in _FORBIDDEN:
            status = ask(client, tally, method, path, **more)
            if status not in right:
                tally.blame(Fault.ACCEPTED, f"{status} for {method} {path}")


def _is_none(world: World, tally: Tally, token: str, whose: str) -> None:
    with client_of(world.stack, token) as client:
        for path in ("/v1/users/me", "/v1/users", "/v1/candles?symbol=BTCUSDT"):
            if ask(client, tally, "GET", path) != 401:
                tally.blame(Fault.ACCEPTED, f"the token of {whose} still opens {path}")


def _forged(viewer: str, admin: str) -> list[str]:
    head, body, sign = viewer.split(".")
    _, of_admin, sign_of_admin = admin.split(".")
    claims = json.loads(_decoded(body))
    header = json.loads(_decoded(head))
    more = [
        f"{head}.{of_admin}.{sign}",
        f"{head}.{body}.{sign_of_admin}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{sign[::-1]}",
        f"{head}.{body}.{sign}.{sign}",
        "..",
        "a.b.c",
        "A" * 20_000,
        f"{_encoded({'alg': 'HS256'})}.{'[' * 5_000}.x",
    ]
    for name in ("none", "None", "nOnE", "HS512", "RS256", "ES256", "", None, ["HS256"], {"a": 1}):
        more.append(f"{_encoded(header | {'alg': name})}.{of_admin}.{sign}")
        more.append(f"{_encoded(header | {'alg': name})}.{of_admin}.")
    more += [_signed(header | trick, claims, b"") for trick in _TRICKS]
    for changed in (
        {"sub": "keeper"},
        {"exp": time.time() + 9**9},
        {"exp": float("inf")},
        {"sub": None},
    ):
        more += [_signed(header, claims | changed, secret) for secret in _SECRETS]
    return more


def _signed(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    text = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{text}.{_plain(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def _encoded(value: dict[str, Any]) -> str:
    return _plain(json.dumps(value).encode())


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
