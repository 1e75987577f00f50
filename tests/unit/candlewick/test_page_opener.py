"""`candlewick demo --open`: the page is opened once, when it answers, or a line says why not."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from candlewick.terminal.page_opener import PageOpener, can_show_pages

URL = "http://127.0.0.1:8000"
DEADLINE_S = 30.0


def a_browser(folder: Path, *lines: str) -> Path:
    path = folder / "browser"
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o700)
    return path


def stepped(opener: PageOpener, enough: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not enough():
        assert time.monotonic() < deadline
        opener.step()


def test_the_page_is_opened_once_and_not_before_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, said, answers = tmp_path / "opened", list[str](), iter((False, False, True, True))
    monkeypatch.setenv("BROWSER", str(a_browser(tmp_path, f'echo "$1" >> {opened}')))
    asked: list[bool] = []

    def answer() -> bool:
        asked.append(next(answers))
        assert not opened.exists()
        return asked[-1]

    opener = PageOpener(URL, answer, said.append)
    stepped(opener, lambda: opener.is_done)

    assert (asked, said, opened.read_text()) == ([False, False, True], [], f"{URL}\n")


def test_a_script_in_the_working_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "webbrowser.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    opened, said = tmp_path / "opened", list[str]()
    monkeypatch.setenv("BROWSER", str(a_browser(tmp_path, f'echo "$1" >> {opened}')))

    opener = PageOpener(URL, lambda: True, said.append)
    stepped(opener, lambda: opener.is_done)

    assert (said, opened.exists()) == ([], True)


def test_a_machine_without_a_screen_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    said: list[str] = []

    opener = PageOpener(URL, lambda: True, said.append)
    stepped(opener, lambda: opener.is_done)
    opener.step()

    assert said == [f"there is no browser on this machine: the page is {URL}"]


def test_a_browser_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", str(a_browser(tmp_path, "echo no display >&2", "exit 3")))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", os.defpath.replace("/usr/bin", "").replace("/bin", ""))
    said: list[str] = []

    opener = PageOpener(URL, lambda: True, said.append)
    stepped(opener, lambda: opener.is_done)

    assert said == [f"no browser could be opened: the page is {URL}"]


def test_a_browser_that_goes_on_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe, opened = tmp_path / "pipe", tmp_path / "opened"
    os.mkfifo(pipe)
    script = a_browser(tmp_path, f"touch {opened}", f"read line < {pipe}")
    monkeypatch.setenv("BROWSER", str(script))

    opener = PageOpener(URL, lambda: True, print)
    stepped(opener, opened.exists)
    began = time.monotonic()
    opener.step()
    took_s = time.monotonic() - began
    with pipe.open("w") as file:
        file.write("close\n")
    stepped(opener, lambda: opener.is_done)

    assert took_s < 1


def test_an_api_that_does_not_answer_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "none")
    answered, said = threading.Event(), list[str]()

    def answer() -> bool:
        return answered.wait(DEADLINE_S)

    opener = PageOpener(URL, answer, said.append)
    began = time.monotonic()
    opener.step()
    took_s = time.monotonic() - began
    answered.set()

    assert (took_s < DEADLINE_S / 2, opener.is_done, said) == (True, False, [])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have one")
@pytest.mark.parametrize(
    ("environment", "can"),
    [({"TERM": "xterm"}, False), ({"DISPLAY": ":0"}, True), ({"BROWSER": "x"}, True)],
)
def test_a_browser_of_the_terminal_is_none(environment: dict[str, str], can: bool) -> None:  # noqa: FBT001 - an example
    assert can_show_pages(environment) == can
