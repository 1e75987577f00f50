"""Pages of allowed origins can read every answer, also one to a request that went wrong."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.accounts.authentication import open_gate
from api.app import build_app
from schemas.settings import ApiSettings, Settings

ALLOWED, OTHER = "https://one.example", "https://other.example"
FAULT = "what no route expects"


async def fail(_: Request) -> Response:
    raise RuntimeError(FAULT)


async def half(_: Request) -> Response:
    return StreamingResponse(pieces())


async def pieces() -> AsyncIterator[bytes]:
    yield b"half of it"
    raise RuntimeError(FAULT)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("api")
    settings = Settings(data_dir=folder, api=ApiSettings(origins=(ALLOWED,)))
    with open_gate(settings) as gate:
        built = build_app(settings, gate)
        built.add_route("/fails", fail, methods=["GET"])
        built.add_route("/half", half, methods=["GET"])
        yield built


def answer_to(app: FastAPI, path: str, *, origin: str, method: str = "GET") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.request(method, path, headers={"Origin": origin})

    return asyncio.run(ask())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_of_an_allowed_origin_reads_that_the_api_failed(app: FastAPI, method: str) -> None:
    told = answer_to(app, "/fails", origin=ALLOWED, method=method)

    assert told.status_code == 500
    assert told.headers["access-control-allow-origin"] == ALLOWED
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers["x-content-type-options"] == "nosniff"
    assert FAULT not in told.text


def test_a_page_of_another_origin_does_not(app: FastAPI) -> None:
    told = answer_to(app, "/fails", origin=OTHER)

    assert told.status_code == 500
    assert "access-control-allow-origin" not in told.headers


def test_an_answer_that_breaks_off_does_not_pass_for_a_whole_one(app: FastAPI) -> None:
    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            await client.get("/half")

    with pytest.raises(RuntimeError, match=FAULT):
        asyncio.run(ask())
