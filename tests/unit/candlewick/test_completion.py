"""Shells complete commands and options: bash, zsh and fish, as at their prompts."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from candlewick.cli import COMMANDS, _wanted
from tests.support.debian import program

BIN: Final = Path(sys.executable).parent
PATH: Final = f"{BIN}:/usr/local/bin:/usr/bin:/bin"
DEADLINE_S: Final = 60.0


def said(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [str(BIN / "candlewick"), *arguments],
        env={"PATH": PATH} | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )
    return done.stdout


class Typed:
    """A shell in a terminal, at whose prompt somebody types."""

    def __init__(self, *command: str) -> None:
        ours, its = pty.openpty()
        environment = {"PATH": PATH, "TERM": "dumb", "PS1": "ready> ", "COLUMNS": "200"}
        self.screen, self.shown = ours, ""
        self.shell = subprocess.Popen(
            command, env=environment, stdin=its, stdout=its, stderr=its, start_new_session=True
        )
        os.close(its)

    def type(self, text: str, *, until: str) -> str:
        """Type, and return what was shown from then on."""
        begin, deadline = len(self.shown), time.monotonic() + DEADLINE_S
        os.write(self.screen, text.encode())
        while until not in self.shown[begin:]:
            assert time.monotonic() < deadline, self.shown[begin:]
            if select.select([self.screen], [], [], 0.2)[0]:
                self.shown += os.read(self.screen, 1 << 16).decode()
        return self.shown[begin:]

    def end(self) -> None:
        self.shell.kill()
        self.shell.wait()
        os.close(self.screen)


def test_bash_completes_commands_and_options_at_its_prompt() -> None:
    bash = Typed("bash", "--norc", "--noprofile", "-i")
    try:
        bash.type('eval "$(candlewick completion bash)"; echo do""ne\n', until="done")
        command = bash.type("echo; candlewick pre\t", until="predictions")
        option = bash.type("--all\t", until="--all-models")
        inner = bash.type("\x15candlewick models sh\t", until="models show")
        several = bash.type("\x15candlewick s\t\t", until="symbols")
    finally:
        bash.end()

    assert command.rstrip().endswith("candlewick predictions")
    assert option.rstrip().endswith("--all-models")
    assert inner.rstrip().endswith("models show")
    assert {"scoreboard", "status", "symbols"} <= set(several.split())
    assert "tail" not in several


@pytest.mark.parametrize(
    ("shell", "line", "expected"),
    [
        ("zsh", "candlewick aud", '"audit":"Compare our candles'),
        ("zsh", "candlewick models ", '"promote":"Make a model the champion'),
        ("fish", "candlewick tail --from", "--from-beginning\tStart with the oldest"),
        ("fish", "candlewick completion ", "zsh"),
    ],
)
def test_zsh_and_fish_are_answered_with_words_and_their_meaning(
    shell: str, line: str, expected: str
) -> None:
    asked = {"_CANDLEWICK_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}

    assert expected in said(**asked, _TYPER_COMPLETE_FISH_ACTION="get-args")


def test_zsh_completes_commands_and_options_at_its_prompt() -> None:
    shell = Typed(program(lambda: shutil.which("zsh"), "zsh"), "-f", "-i")
    try:
        prepared = "autoload -Uz compinit && compinit -u -D"
        shell.type(
            f'{prepared}; eval "$(candlewick completion zsh)"; echo do""ne\n', until="done\r"
        )
        command = shell.type("candlewick pre\t", until="dictions")
        option = shell.type("--all\t", until="-models")
    finally:
        shell.end()

    assert "predictions" in command.replace("\x07", "")
    assert "-models" in option


def test_fish_completes_commands_and_options(tmp_path: Path) -> None:
    fish, script = program(lambda: shutil.which("fish"), "fish"), tmp_path / "candlewick.fish"
    script.write_text(said("completion", "fish"))

    def completed(line: str) -> list[str]:
        asked = [fish, "--no-config", "-c", f"source {script}; complete --do-complete '{line}'"]
        home = {"PATH": PATH, "HOME": str(tmp_path)}
        shown = subprocess.run(
            asked, env=home, capture_output=True, text=True, check=True, timeout=DEADLINE_S
        ).stdout
        return [row.split("\t")[0] for row in shown.splitlines()]

    assert completed("candlewick pre") == ["predictions"]
    assert completed("candlewick predictions --all") == ["--all-models"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("candlewick pre", ["predictions"]),
        ("candlewick s", ["service", "status", "symbols", "scoreboard"]),
        ("candlewick models sh", ["models"]),
        ("candlewick models ", ["models"]),
        ("candlewick ", list(COMMANDS)),
        ("candlewick", list(COMMANDS)),
        ("candlewick nothing --x", list(COMMANDS)),
    ],
)
def test_a_completion_imports_only_what_the_line_can_mean(words: str, wanted: list[str]) -> None:
    asked = {"_CANDLEWICK_COMPLETE": "complete_bash", "COMP_WORDS": words}

    assert list(_wanted(["candlewick"], asked)) == wanted


def test_a_call_imports_its_command_whatever_a_shell_has_left_behind() -> None:
    assert list(_wanted(["candlewick", "status"], {"COMP_WORDS": "ls -"})) == ["status"]
    assert list(_wanted(["candlewick", "--help"], {})) == list(COMMANDS)
