"""Programs find the stack of the folder in which they run, or of one above it."""

import asyncio
from pathlib import Path

import pytest

from candlewick.client.find_stack import nearby_settings
from candlewick.stack.api_address import page_url, reached_at
from candlewick.stack.credentials import load_or_create
from candlewick.stack.ports import answers
from schemas.settings import ApiSettings


@pytest.mark.parametrize("folder", [".", "notebooks", "notebooks/mine"])
def test_passwords_come_from_the_stack_of_the_nearest_folder(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = load_or_create(tmp_path / ".candlewick" / "credentials")
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)

    found = nearby_settings().clickhouse.reader_password.get_secret_value()

    assert found == made.reader_password


def test_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(tmp_path / ".candlewick" / "credentials")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__READER_PASSWORD", "mine")
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__URL", "http://store:8123")

    settings = nearby_settings().clickhouse

    assert settings.reader_password.get_secret_value() == "mine"
    assert settings.url == "http://store:8123"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("api.example", "http://api.example:8000"),
    ],
)
def test_the_address_of_the_api_can_be_opened(host: str, url: str) -> None:
    assert page_url(ApiSettings(host=host, port=8000, tls_by_proxy=True)) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])  # noqa: S104 - loopback too
def test_the_api_is_reached_wherever_it_listens(host: str) -> None:
    async def reached() -> bool:
        try:
            server = await asyncio.start_server(lambda _reader, _writer: None, host)
        except OSError:
            pytest.skip("this machine has no IPv6")
        async with server:
            port = server.sockets[0].getsockname()[1]
            return answers(port, reached_at(ApiSettings(host=host, tls_by_proxy=True)))

    assert asyncio.run(reached())
