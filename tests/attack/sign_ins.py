"""1b: guesses at once, floods, invented addresses."""

import time
from functools import partial

import httpx

from tests.attack.tally import Fault, Tally
from tests.attack.web import PASSWORD, add_user, ask, at_once, client_of, sign_in, url_of
from tests.attack.world import World

_ALLOWED = 5
_QUICK_S = 10.0


def attack(world: World, tally: Tally) -> None:
    """Guess, flood, claim other addresses; who knows the password still gets in."""
    stack, many = world.stack, 15 if world.is_short else 120
    password = add_user(stack, "owner", "viewer")
    sign_in(stack, "owner", password)  # from here on this address is known to be good for it
    with client_of(stack) as client:
        guess = partial(ask, client, tally, "POST", "/v1/token")
        wrong = {"data": {"username": "target", "password": PASSWORD}}
        tried = at_once([partial(guess, **wrong)] * 40, together=40).count(401)
        invented = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(20)]
        tried += sum(guess(**wrong, headers=headers) == 401 for headers in invented)
        if tried > _ALLOWED:
            tally.blame(Fault.ACCEPTED, f"{tried} of 60 guesses were tried, {_ALLOWED} are allowed")
        flood = [
            partial(guess, data={"username": f"nobody{number}", "password": "x" * 12})
            for number in range(many)
        ]
        at_once([*flood, partial(_others_are_quick, world, tally)], together=many + 1)
        form = {"username": "owner", "password": password}
        if guess(data=form) != httpx.codes.OK:
            tally.blame(Fault.LOSS, "who signed in well before was locked out by the guesses")
        for name, secret in (
            ("", ""),
            ("a" * 100_000, "x"),
            ("owner", "x" * 100_000),
            ("\0", "\0"),
        ):
            guess(data={"username": name, "password": secret})
        for body in (
            b"",
            b"username=a",
            b"\xff=\xff",
            b"username=a&username=b&password=c",
            b"&" * 9_000,
        ):
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            guess(content=body, headers=kind)


def _others_are_quick(world: World, tally: Tally) -> None:
    began_s = time.monotonic()
    try:
        for path in ("/v1/candles?symbol=BTCUSDT", "/readyz"):
            httpx.get(f"{url_of(world.stack)}{path}", timeout=_QUICK_S)
    except httpx.HTTPError as error:
        took_s = time.monotonic() - began_s
        tally.blame(Fault.SILENCE, f"others were not answered for {took_s:.0f} s: {error!r}")
