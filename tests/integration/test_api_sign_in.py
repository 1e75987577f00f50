"""Signing in under attack: guesses are few, others get in, and everything else goes on."""

import select
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.accounts.users import Role
from tests.support.api_process import RunningApi, running_api, until_refused
from tests.support.api_stage import PASSWORD, Stage

FLOOD, SMALL, IMPORTED = 120, 20, 24


@pytest.fixture(scope="module")
def proxied(stage: Stage) -> Iterator[RunningApi]:
    """An API that believes a proxy on this machine: addresses are ours to choose."""
    told = {"TRUSTED_PROXIES": "127.0.0.1", "USERS_URL": stage.users_url}
    with running_api(stage.folder / "proxied", stage.kafka, stage.clickhouse, **told) as api:
        yield api


@pytest.fixture(scope="module")
def bare(stage: Stage) -> Iterator[RunningApi]:
    """An API as it is without settings."""
    told = {"USERS_URL": stage.users_url}
    with running_api(stage.folder / "bare", stage.kafka, stage.clickhouse, **told) as api:
        yield api


def sign_in(api: RunningApi, name: str, password: str, address: str) -> httpx.Response:
    form = {"username": name, "password": password}
    headers = {"X-Forwarded-For": address}
    return httpx.post(f"{api.url}/v1/token", data=form, headers=headers, timeout=60)


def test_of_forty_guesses_at_once_no_more_than_five_are_tried(proxied: RunningApi) -> None:
    with ThreadPoolExecutor(40) as threads:
        guesses = [
            threads.submit(sign_in, proxied, "operator", "wrong", "192.0.2.40") for _ in range(40)
        ]
        found = Counter(guess.result().status_code for guess in guesses)

    assert found[401] <= 5
    assert found == {401: found[401], 429: 40 - found[401]}


def test_who_guesses_keeps_himself_out_and_nobody_else(proxied: RunningApi) -> None:
    wrong = [sign_in(proxied, "admin", "wrong", "192.0.2.66") for _ in range(6)]
    elsewhere = sign_in(proxied, "admin", PASSWORD, "192.0.2.1")
    there = sign_in(proxied, "admin", PASSWORD, "192.0.2.66")

    assert [answer.status_code for answer in wrong] == [401] * 5 + [429]
    assert elsewhere.status_code == 200
    assert there.status_code == 429
    assert int(there.headers["retry-after"]) > 200


def test_an_address_that_is_only_claimed_is_not_believed(bare: RunningApi) -> None:
    found = [sign_in(bare, "admin", "wrong", f"192.0.2.{n}").status_code for n in range(6)]

    assert found == [401] * 5 + [429]


def test_a_user_has_so_many_requests_a_minute_from_all_addresses(
    stage: Stage, tmp_path: Path
) -> None:
    told = {"REQUESTS_PER_MINUTE": "20", "TRUSTED_PROXIES": "127.0.0.0/8"}
    told["USERS_URL"] = stage.users_url
    headers = stage.signed_in(Role.VIEWER)
    with (
        running_api(tmp_path, stage.kafka, stage.clickhouse, **told) as api,
        api.client() as client,
    ):

        def ask(n: int) -> httpx.Response:
            address = {"X-Forwarded-For": f"192.0.2.{n}"}
            return client.get("/v1/users/me", headers=headers | address)

        until_refused(ask, a_minute=20)
        other = client.get("/v1/gaps", headers={"X-Forwarded-For": "192.0.2.0"})

    assert other.status_code == 200


def guess_at_once(api: RunningApi) -> list[socket.socket]:
    """Send many wrong passwords, each from another address, and read nothing."""
    place, form = urlsplit(api.url), b"username=nobody&password=wrong"
    sent = []
    for n in range(FLOOD):
        lines = ["POST /v1/token HTTP/1.1", "Host: x", f"X-Forwarded-For: 198.51.100.{n}"]
        lines += ["Content-Type: application/x-www-form-urlencoded", "Connection: close"]
        lines += [f"Content-Length: {len(form)}", "", ""]
        sent.append(socket.create_connection((place.hostname, place.port), timeout=60))
        sent[-1].sendall("\r\n".join(lines).encode() + form)
    return sent


def answered(guesses: list[socket.socket]) -> set[socket.socket]:
    return set(select.select(guesses, [], [], 0)[0])


def status(client: socket.socket) -> int:
    with client:
        return int(b"".join(iter(lambda: client.recv(4096), b"")).split()[1])


def test_a_flood_of_guesses_leaves_everything_else_quick(proxied: RunningApi) -> None:
    asked = {"symbol": "BTCUSDT", "limit": "10"}
    with proxied.client() as client:
        client.get("/livez")  # connected, before a processor is wanted for anything else
        guesses = guess_at_once(proxied)
        early = answered(guesses)
        small = [client.get("/livez"), client.get("/v1/candles", params=asked)]
        meanwhile = answered(guesses) - early
        small += [client.get("/livez") for _ in range(SMALL)]
        small += [client.get("/v1/candles", params=asked) for _ in range(SMALL)]
    found = {guess: status(guess) for guess in guesses}
    tried = {guess for guess in guesses if found[guess] == 401}

    assert {answer.status_code for answer in small} == {200}
    # They overtook most of those who had come before them and were still to be tried.
    assert len(tried & meanwhile) < len(tried - meanwhile - early)
    assert set(found.values()) == {401, 429}
    assert len(tried) < FLOOD // 2


def test_many_are_imported_while_others_sign_in(stage: Stage, proxied: RunningApi) -> None:
    rows = "".join(f"crowd{n},viewer,{PASSWORD} {n}\n" for n in range(IMPORTED))
    headers = stage.signed_in(Role.ADMIN)
    with ThreadPoolExecutor(1) as threads, proxied.client(**headers) as client:
        body = f"username,role,password\n{rows}".encode()
        imported = threads.submit(client.post, "/v1/users/import", content=body)
        beside = 0
        while not imported.done():
            assert sign_in(proxied, "viewer", PASSWORD, "192.0.2.2").status_code == 200
            beside += 1
        created = imported.result()
        again = client.post("/v1/users/import", content=body)

    assert created.json() == {"created": IMPORTED}
    assert beside >= 2
    assert again.status_code == 409
    with proxied.client(**headers) as client:
        for n in range(IMPORTED):
            client.delete(f"/v1/users/crowd{n}")
