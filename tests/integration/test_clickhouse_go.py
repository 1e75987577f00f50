"""The local ClickHouse to clickhouse-go over HTTP, the way that Grafana's plugin takes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import running_clickhouse

PROGRAM = Path(__file__).parents[1] / "clients" / "clickhouse_go" / "main.go"
GO = shutil.which("go")
MODULE = "module tried\n\ngo 1.24\n\nrequire github.com/ClickHouse/clickhouse-go/v2 {version}\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(GO is None, reason="Go is not installed"),
]


@pytest.mark.parametrize("version", ["v2.51.0", "v2.47.0", "v2.44.0"])
def test_the_driver_opens_asks_and_inserts_with_every_compression(
    version: str, tmp_path: Path
) -> None:
    (tmp_path / "main.go").write_bytes(PROGRAM.read_bytes())
    (tmp_path / "go.mod").write_text(MODULE.format(version=version))
    fetched = go("mod", "tidy", folder=tmp_path)
    if fetched.returncode:
        pytest.skip(f"the module proxy does not have it: {fetched.stderr[-200:]}")
    built = go("build", "-o", "tried", ".", folder=tmp_path)
    assert built.returncode == 0, built.stderr

    with running_clickhouse(tmp_path / "data") as server:
        address = server.url.removeprefix("http://").rstrip("/")
        command = [str(tmp_path / "tried"), address, server.user, server.password]
        tried = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "failed" not in tried.stdout
    assert tried.stdout.count("error in the middle") == 4


def go(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    return subprocess.run(
        [str(GO), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
