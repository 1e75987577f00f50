"""The header `Authorization`: a token, and what a proxy before the API may put there."""

import asyncio
from pathlib import Path

import httpx
import pytest

from api.accounts.authentication import open_gate
from api.app import build_app
from schemas.settings import Settings


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Basic YWRhOnNlY3JldA==", "must remove its header"),
        ("Digest username=ada", "must remove its header"),
        ("Bearer of.no.key", "not valid or has expired"),
    ],
)
def test_who_is_refused_is_told_whether_it_was_a_token(
    header: str, said: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)

    async def play() -> httpx.Response:
        with open_gate(settings) as gate:
            transport = httpx.ASGITransport(build_app(settings, gate))
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.get("/v1/symbols", headers={"Authorization": header})

    answer = asyncio.run(play())

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert said in answer.json()["detail"]
