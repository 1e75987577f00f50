"""Clients that others' generators make from the API's own description, and one call of each."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api_stage import Stage

NPM = shutil.which("npm")
UV = Path(sys.executable).with_name("uv")
PYTHON_GENERATOR = "openapi-python-client==0.29.1"
PACKAGES = (
    '{"type": "module", "dependencies": {"openapi-fetch": "0.17.0", '
    '"openapi-typescript": "7.13.0", "typescript": "5.9.3", "@types/node": "24.10.1"}}'
)
CALL_PYTHON = """
import sys
from candlewick_client import Client
from candlewick_client.api.market import candles_v1_candles_get as candles
from candlewick_client.models import CandlesV1CandlesGetInterval as Interval

asked = {"symbol": "BTCUSDT", "interval": Interval.FIFTEEN_MINUTES, "limit": 2}
print(len(candles.sync(client=Client(base_url=sys.argv[1]), **asked).data))
"""
CALL_TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const client = createClient<paths>({ baseUrl: process.argv[2] });
const { data, error } = await client.GET("/v1/candles", {
  params: { query: { symbol: "BTCUSDT", interval: "15m", limit: 2 } },
});
if (!data || typeof data === "string") throw new Error(error?.detail ?? "this is not JSON");
console.log(data.data.length);
"""

pytestmark = pytest.mark.slow


def test_the_python_client_that_a_generator_makes_asks_for_candles(
    stage: Stage, tmp_path: Path
) -> None:
    described = description(stage, tmp_path)
    made = tmp_path / "made"
    generate = ["generate", "--path", str(described), "--output-path", str(made)]
    run(UV, "tool", "run", "--from", PYTHON_GENERATOR, "openapi-python-client", *generate)
    (tmp_path / "call.py").write_text(CALL_PYTHON)

    told = run(UV, "run", "--no-project", "--with", made, "call.py", stage.api.url, at=tmp_path)

    assert told.split()[-1] == "2"


@pytest.mark.skipif(NPM is None, reason="npm is not installed")
def test_the_typescript_client_that_a_generator_makes_asks_for_candles(
    stage: Stage, tmp_path: Path
) -> None:
    description(stage, tmp_path)
    (tmp_path / "package.json").write_text(PACKAGES)
    (tmp_path / "call.ts").write_text(CALL_TYPESCRIPT)
    run(NPM, "install", "--no-audit", "--no-fund", at=tmp_path)
    run(NPM, "exec", "--", "openapi-typescript", "openapi.json", "-o", "api.ts", at=tmp_path)
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"]
    run(NPM, "exec", "--", "tsc", *options, "call.ts", at=tmp_path)

    told = run(shutil.which("node"), "call.js", stage.api.url, at=tmp_path)

    assert told.strip() == "2"


def description(stage: Stage, folder: Path) -> Path:
    found = folder / "openapi.json"
    with stage.api.client() as client:
        found.write_bytes(client.get("/openapi.json").content)
    return found


def run(program: str | Path | None, *arguments: str | Path, at: Path | None = None) -> str:
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
