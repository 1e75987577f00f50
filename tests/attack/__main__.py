"""Attack a whole stack of its own on this machine, and print what came of it.

    python -m tests.attack [--seed N] [--short] [CLASS ...]

It ends with 1 when anything came of any input that should not have.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

from tests.attack import (
    absurd,
    archives,
    blocks,
    csv_files,
    frames,
    live_frames,
    raw_http,
    requests,
    rest_answers,
    settings,
    sign_ins,
    sockets,
    store_body,
    store_door,
    tokens,
    unreadable,
)
from tests.attack.judge import judge, judge_data, look
from tests.attack.tally import Tally, table
from tests.attack.world import Attack, World
from tests.support.stack import Stack, eventually, running_stack

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
ATTACKS: Final = (
    Attack("1a", "roles and tokens", tokens.attack),
    Attack("1b", "signing in", sign_ins.attack),
    Attack("1c", "parameters, bodies, paths", requests.attack),
    Attack("1d", "bytes that are almost HTTP", raw_http.attack_bytes),
    Attack("1e", "huge, slow, half requests", raw_http.attack_connections),
    Attack("1f", "websocket frames", sockets.attack),
    Attack("1g", "CSV of users", csv_files.attack),
    Attack("2a", "escapes from the store", store_door.attack),
    Attack("2b", "statements that cost much", store_body.attack_resources),
    Attack("2c", "bombs and broken codings", store_body.attack_bombs),
    Attack("2d", "inserts that break off", store_body.attack_inserts),
    Attack("3a", "unreadable records", unreadable.attack),
    Attack("3b", "absurd records", absurd.attack),
    Attack("3c", "blocks of trades", blocks.attack),
    Attack("4a", "frames in the parser", frames.attack, needs_stack=False),
    Attack("4b", "frames live", live_frames.attack),
    Attack("4c", "answers of REST", rest_answers.attack, needs_stack=False),
    Attack("4d", "archive files", archives.attack, needs_stack=False),
    Attack("5a", "nonsense settings", settings.attack_settings),
    Attack("5b", "broken files", settings.attack_files),
)


def run(
    folder: Path, *, seed: int = 1, is_short: bool = False, codes: tuple[str, ...] = ()
) -> list[Tally]:
    """Attack a stack that is started over a folder; return what came of each class."""
    chosen = [attack for attack in ATTACKS if not codes or attack.code in codes]
    with running_stack(folder, symbols=SYMBOLS) as stack:
        eventually(stack.predicts, stack.logs)
        eventually(stack.is_healthy, lambda: stack.get("/healthcheck").text)
        tallies = [_try(attack, stack, seed, is_short=is_short) for attack in chosen]
        afterwards = Tally("", "rows stored afterwards")
        judge_data(stack, afterwards)
    return [*tallies, afterwards]


def _try(attack: Attack, stack: Stack, seed: int, *, is_short: bool) -> Tally:
    tally = Tally(attack.code, attack.title)
    world = World(stack, Random(f"{seed} {attack.code}"), is_short)
    began_s, before = time.monotonic(), look(stack)
    attack.run(world, tally)
    if attack.needs_stack:
        judge(stack, before, tally)
    took_s = time.monotonic() - began_s
    sys.stderr.write(f"{attack.code} {attack.title}: {tally.tried} in {took_s:.0f} s\n")
    return tally


def main() -> int:
    """Read the command line, attack, print."""
    asked = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    asked.add_argument("--seed", type=int, default=1, help="the same seed, the same inputs")
    asked.add_argument("--short", action="store_true", help="a part of the inputs")
    asked.add_argument("classes", nargs="*", metavar="CLASS", help="for example 3a; left out, all")
    given = asked.parse_args()
    unknown = set(given.classes) - {attack.code for attack in ATTACKS}
    if unknown:
        asked.error(f"no class {', '.join(unknown)}: {', '.join(a.code for a in ATTACKS)}")
    with tempfile.TemporaryDirectory(prefix="candlewick-attack-") as folder:
        tallies = run(
            Path(folder), seed=given.seed, is_short=given.short, codes=tuple(given.classes)
        )
    sys.stdout.write(f"{table(tallies)}\n")
    return 0 if all(tally.is_clean for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
