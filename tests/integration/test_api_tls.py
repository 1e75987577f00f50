"""Where the API listens, and that it does so in clear on this machine only."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from candlewick.client.stack_health import ask_health
from schemas.settings import ApiSettings
from tests.support.certificates import make_certificate
from tests.support.servers import free_port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for this machine, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@contextmanager
def api(folder: Path, **settings: str | Path) -> Iterator[subprocess.Popen[str]]:
    """An API without anything behind it: it lives, and that is all."""
    told = {f"CANDLEWICK_API__{name}": str(value) for name, value in settings.items()}
    told["CANDLEWICK_DATA_DIR"] = str(folder / "data")
    process = subprocess.Popen(
        [sys.executable, "-m", "api"],
        env=os.environ | told,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def refusal(folder: Path, **settings: str | Path) -> str:
    with api(folder, PORT=str(free_port()), **settings) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    return said


def test_in_clear_it_does_not_listen_beyond_this_machine(tmp_path: Path) -> None:
    said = refusal(tmp_path, HOST="0.0.0.0")  # noqa: S104 - that is refused

    assert said.count("\n") == 1
    assert "CANDLEWICK_API__CERTIFICATE" in said
    assert "CANDLEWICK_API__TLS_BY_PROXY" in said


def test_a_certificate_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, certificate: Path
) -> None:
    (tmp_path / "empty.pem").touch()
    chain = certificate / "chain.pem"
    for key in ("missing.pem", "empty.pem"):
        said = refusal(tmp_path, CERTIFICATE=chain, KEY=key)

        assert said.count("\n") == 1
        assert "CANDLEWICK_API__CERTIFICATE and CANDLEWICK_API__KEY" in said


def test_with_a_certificate_it_speaks_https_only(tmp_path: Path, certificate: Path) -> None:
    port, chain = free_port(), certificate / "chain.pem"
    trusting = ssl.create_default_context(cafile=str(chain))
    with api(tmp_path, PORT=str(port), CERTIFICATE=chain, KEY=certificate / "key.pem") as process:
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting) as client:
            alive = first_answer(client, process)
        told = ApiSettings(certificate=chain, key=certificate / "key.pem")
        health = ask_health(told, port)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/livez")

    assert alive.json()["status"] == "ok"
    assert health is not None
    assert "broker" in health.parts
    assert ask_health(ApiSettings(), port) is None


def first_answer(client: httpx.Client, process: subprocess.Popen[str]) -> httpx.Response:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return client.get("/livez")
        except httpx.ConnectError:
            pass
    raise AssertionError("the API did not start")
