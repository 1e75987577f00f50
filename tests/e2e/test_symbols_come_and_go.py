"""The whole stack while symbols come, go and are halted: nothing is restarted."""

from pathlib import Path

import pytest

from tests.support.stack import Stack, eventually, running_stack

pytestmark = pytest.mark.slow
FIRST = ("BTCUSDT", "LTCUSDT")
NEW = "XRPUSDT"
DEAD_PROXIES = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
}


def row_of(stack: Stack, symbol: str) -> dict[str, object]:
    rows = stack.get("/v1/symbols").json()["data"]
    return next((row for row in rows if row["symbol"] == symbol), {})


def pids(stack: Stack) -> dict[str, int]:
    return {name: stack.pid(name) for name in stack.states()}


def test_symbols_are_added_halted_and_removed_while_the_stack_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in DEAD_PROXIES.items():  # of the stack only: loopback needs none
        monkeypatch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with running_stack(tmp_path, symbols=FIRST, stream__status_s="2") as stack:
        for name in DEAD_PROXIES:
            monkeypatch.delenv(name)
        eventually(stack.predicts, stack.logs)
        eventually(stack.is_healthy, stack.logs)
        before = pids(stack)

        assert stack("symbols", "add", NEW).returncode == 0
        eventually(lambda: row_of(stack, NEW).get("fresh"), stack.logs)
        assert row_of(stack, NEW)["chosen_by"] == "hand"
        eventually(lambda: stack._is_ok(f"/predict?symbol={NEW}"), stack.logs, within_s=180)
        eventually(stack.is_healthy, stack.logs)

        halt = {"kind": "halt", "symbol": "LTCUSDT", "minutes": 600, "status": "BREAK"}
        stack.admin("POST", "faults", halt)
        eventually(
            lambda: "LTCUSDT" in stack.get("/healthcheck").json()["not_traded"],
            stack.logs,
            within_s=150,
        )
        eventually(lambda: row_of(stack, "LTCUSDT").get("not_trading_since_ms"), stack.logs)
        eventually(lambda: "LTCUSDT: not trading since" in stack("completeness").stdout, stack.logs)

        assert stack("symbols", "remove", "BTCUSDT").returncode == 0
        eventually(lambda: row_of(stack, "BTCUSDT").get("followed") is False, stack.logs)
        eventually(stack.is_healthy, stack.logs, within_s=150)
        shown = stack("symbols", "list").stdout

        assert pids(stack) == before
    rows = {line.split()[0]: line.split()[1:3] for line in shown.splitlines() if line.strip()}
    assert rows[NEW] == ["yes", "hand"]
    assert rows["BTCUSDT"] == ["no", "hand"]
    assert rows["LTCUSDT"] == ["yes", "setting"]
