"""5a and 5b: settings that make no sense, and files of the stack that are broken."""

import subprocess
from functools import partial
from pathlib import Path
from typing import Final

from tests.attack.tally import Fault, Tally
from tests.attack.web import at_once
from tests.attack.world import World
from tests.support.stack import CANDLEWICK, SERVERS

_TOGETHER: Final = 2
_PATIENCE_S: Final = 120
_LINES: Final = 3
_NONSENSE: Final = {
    "SYMBOLS": ("", ",", "<img>", "BTC USDT", "A" * 65, "BTCUSDT,é\u0301"),
    "DATA_DIR": ("", " "),
    "LOG_LEVEL": ("", "info", "LOUD", "10"),
    "KAFKA__BOOTSTRAP_SERVERS": ("", "x", "127.0.0.1:70000", "127.0.0.1:-1", "http://x:1"),
    "KAFKA__PARTITIONS": ("0", "-1", "x", "1e9", "99999999999999999999"),
    "KAFKA__REPLICATION_FACTOR": ("0", "99"),
    "CLICKHOUSE__URL": ("", "x", "ftp://x", "http://", "http://x:70000"),
    "CLICKHOUSE__USER": ("", "a b", "a'b"),
    "CLICKHOUSE__READER_USER": ("candlewick", ""),
    "CLICKHOUSE__DATABASE": ("", "a-b", "a;DROP", "1"),
    "BINANCE__STREAM_URL": ("", "http://x", "wss://"),
    "BINANCE__REST_URL": ("", "wss://x", "x"),
    "STREAM__SILENCE_S": ("inf", "nan", "-1", "0", "x"),
    "STREAM__GIVE_UP_S": ("inf", "0"),
    "STREAM__LINGER_MS": ("-1", "5001", "1.5"),
    "STREAM__BLOCK_TRADES": ("0", "4097"),
    "STREAM__ROTATE_H": ("0", "24", "nan"),
    "CANDLES__GATHER_MS": ("-1", "x", "1001"),
    "CANDLES__LATENESS_MS": ("-1", "x", "60001"),
    "API__HOST": ("", "999.1.1.1", "a b", "0.0.0.0"),  # noqa: S104 - without a certificate
    "API__PORT": ("0", "-1", "65536", "x"),
    "API__USERS_URL": ("x", "://x"),
    "API__TOKEN_MINUTES": ("0", "1441"),
    "API__LOGIN_ATTEMPTS": ("0", "-1"),
    "API__TRUSTED_PROXIES": ("x", "10.0.0.0/99"),
    "API__CERTIFICATE": ("/nowhere.pem",),
    "API__STALE_S": ("inf", "-1"),
    "BACKFILL__SINCE": ("2026-13-01", "x", "-5d", "1e5d", "9999999d"),
    "BACKFILL__INTERVALS": ("7m", "", "1m,,15m"),
    "COINS__IDS": ("a", "=", "BTCUSDT="),
    "COINS__EVERY_S": ("0", "29"),
    "LIFECYCLE__TRADES_DAYS": ("0", "-1"),
    "SIMULATION__RATE": ("0", "nan", "5001"),
    "GRAFANA__URL": ("x", "ftp://x"),
    "NOT_A_SETTING": ("1",),
    "KAFKA": ("x",),
}
_BROKEN: Final = (
    b"", b"{", b"null", b"[]", b"{}", b'{"supervisor":', b"\0" * 500, b"\xff\xfe", b"1e999",
    b'{"supervisor": {"pid": -1}}', b"[" * 100_000, b'{"processes": [null]}', b"x" * 1_000_000,
)  # fmt: skip


def attack_settings(world: World, tally: Tally) -> None:
    """Start a command with each; it refuses with a line or two that name the setting."""
    every = [(name, value) for name, values in _NONSENSE.items() for value in values]
    folder = world.stack.folder.parent
    at_once(
        [
            partial(_refuses, world, tally, folder, {f"CANDLEWICK_{name}": value})
            for name, value in world.some(every, in_short=8)
        ],
        together=_TOGETHER,
    )


def attack_files(world: World, tally: Tally) -> None:
    """Start commands over folders in which one file is broken; each says so in a line or two."""
    cases = [
        (file, content) for file in ("run/state.json", "credentials", ".env") for content in _BROKEN
    ]
    at_once(
        [
            partial(_tells, world, tally, number, file, content)
            for number, (file, content) in enumerate(world.some(cases, in_short=2))
        ],
        together=_TOGETHER,
    )


def _refuses(world: World, tally: Tally, folder: Path, changes: dict[str, str]) -> None:
    done = _run(world, folder, changes, "status")
    tally.tried += 1
    _check(tally, done, f"{changes}")
    # What contradicts another setting may be told by that one's name.
    if done.returncode == 0 or "candlewick: CANDLEWICK_" not in done.stderr:
        tally.blame(Fault.ACCEPTED, f"{changes}: {done.returncode} {done.stderr[:100]!r}")


def _tells(world: World, tally: Tally, number: int, file: str, content: bytes) -> None:
    """Break one file of a folder; commands end in order, and a start gets as far as its ports."""
    place = world.stack.folder.parent / f"broken-{number}"
    folder = place / "stack"
    target = place / file if file == ".env" else folder / file
    target.parent.mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    target.write_bytes(content)
    told = {"CANDLEWICK_DATA_DIR": str(folder)}
    taken = [text for name in SERVERS for text in (f"--{name}-port", str(world.stack.ports[name]))]
    for command in (("status",), ("users", "list"), ("up", *taken)):
        tally.tried += 1
        done = _run(world, place, told, *command)
        _check(tally, done, f"{command[0]} over {file} of {content[:30]!r}")
        if command[0] == "up" and done.returncode == 0:
            tally.blame(Fault.ACCEPTED, f"up started on ports that are taken: {file}")


def _check(tally: Tally, done: subprocess.CompletedProcess[str], what: str) -> None:
    if "Traceback" in done.stdout + done.stderr:
        tally.blame(Fault.TRACE, f"{what}: {done.stderr[-200:]!r}")
    elif done.returncode < 0:
        tally.blame(Fault.CRASH, f"{what}: ended by signal {-done.returncode}")
    elif len(done.stderr.splitlines()) > _LINES:
        tally.blame(Fault.TRACE, f"{what}: {len(done.stderr.splitlines())} lines")


def _run(
    world: World, folder: Path, changes: dict[str, str], *command: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CANDLEWICK, *command],
        env=world.stack.environment | changes,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=_PATIENCE_S,
    )
