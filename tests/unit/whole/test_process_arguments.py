"""Each process says how it is called, and starts nothing for words that it does not know."""

import subprocess
import sys

import pytest

PROCESSES = ("api", "producers", "processors", "sinks", "grafana", "candlewick.exchange")


def said(module: str, word: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", module, word]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("module", PROCESSES)
def test_help_is_shown_and_ends(module: str) -> None:
    code, out, _ = said(module, "--help")

    assert code == 0
    assert "usage: python -m" in out.lower()


@pytest.mark.parametrize("module", PROCESSES)
def test_an_unknown_word_is_refused(module: str) -> None:
    code, _, err = said(module, "nonsense")

    assert code == 2
    assert "nonsense" in err
