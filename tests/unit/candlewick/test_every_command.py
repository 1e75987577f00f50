"""What holds for every command: `--json` where there is a table, and exit codes as documented."""

import ast
import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.stack.programs import pipeline
from candlewick.terminal.exit_codes import MEANINGS, SHORT
from schemas.topics import ALL

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
CANDLEWICK: Final = str(Path(sys.executable).with_name("candlewick"))
# Commands that print no table; a new command is in this list, or it takes --json.
WITHOUT_TABLE: Final = {
    "demo": "a live screen; `status` and `tail` tell programs",
    "up": "one line",
    "down": "one line",
    "logs": "lines of others",
    "run": "becomes a process of the pipeline",
    "notify": "becomes a process of the pipeline; a line a target, or a line an error",
    "service install": "what to type next",
    "service remove": "one line",
    "migrate": "one line",
    "completion": "a script",
    "import": "one line",
    "train": "two lines",
    "topics create": "one line",
    "symbols add": "a line a symbol",
    "symbols remove": "a line a symbol",
    "dead-letters retry": "a line a record, and questions",
    "users add": "one line",
    "users password": "one line",
    "users remove": "one line",
    "users rotate-key": "one line",
    "models promote": "one line",
    "models retire": "one line",
    "backup": "two lines",
    "restore": "one line",
}
# What prints tables: a function of a command that uses one of them prints a table.
PRINTERS: Final = {"Table", "print_whole", "RowPrinter", "print_skills", "print_evaluation"}


def leaves(group: TyperGroup, *before: str) -> Iterator[tuple[str, TyperCommand]]:
    """Every command, by its words; a group that also works alone is one too."""
    for name, command in group.commands.items():
        words = (*before, name)
        if isinstance(command, TyperGroup):
            yield from leaves(command, *words)
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield " ".join(words), command


APP: Final = typer.main.get_command(build_app())
assert isinstance(APP, TyperGroup)
COMMANDS: Final = dict(leaves(APP))


def takes_json(command: TyperCommand) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


def reached(command: TyperCommand) -> Iterator[ast.AST]:
    """The nodes of a command's function and of those of its module that it calls, and so on."""
    assert command.callback is not None
    function = inspect.unwrap(command.callback)
    module = inspect.getmodule(function)
    assert module is not None
    tree = ast.parse(inspect.getsource(module))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    left, seen = [function.__name__], set[str]()
    while left:
        name = left.pop()
        if name in functions and name not in seen:
            seen.add(name)
            yield from ast.walk(functions[name])
            left += [n.id for n in ast.walk(functions[name]) if isinstance(n, ast.Name)]


def names_in(command: TyperCommand) -> set[str]:
    return {node.id for node in reached(command) if isinstance(node, ast.Name)}


def finds(command: TyperCommand) -> bool:
    """Whether the command ends with an exit code of its own choice."""
    exits = (
        node
        for node in reached(command)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Exit"
    )
    return any(node.args for node in exits)


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the table of `docs/operations.md` below these headings of columns."""
    body = PAGE.split(heading, 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_prints_json_or_no_table(words: str) -> None:
    command = COMMANDS[words]
    is_table = bool(names_in(command) & PRINTERS)

    assert takes_json(command) != (words in WITHOUT_TABLE)
    assert takes_json(command) or not is_table


@pytest.mark.parametrize("words", COMMANDS)
def test_a_help_has_no_section_for_programmers(words: str) -> None:
    said = COMMANDS[words].help or ""

    assert re.findall(r"^(Args|Raises|Returns|Yields):", said, re.MULTILINE) == []


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("run", {p.name for p in pipeline(2, grafana=True, notify=True)} | {"kafka", "exchange"}),
        ("tail", {topic.name.split(".")[1] for topic in ALL if topic.record} | {"dead-letters"}),
    ],
)
def test_the_help_names_everything_that_an_argument_takes(words: str, names: set[str]) -> None:
    argument = COMMANDS[words].params[0]
    assert isinstance(argument, TyperArgument)

    assert names <= set(re.findall(r"[\w-]+", argument.help or ""))


def test_a_table_without_json_would_be_seen() -> None:
    printers = [words for words, command in COMMANDS.items() if names_in(command) & PRINTERS]

    assert set(WITHOUT_TABLE) <= set(COMMANDS)
    assert {"audit", "status", "topics list", "backfill", "evaluate", "scoreboard"} <= {*printers}
    assert len(COMMANDS) > 30


def test_one_option_and_one_printer_make_all_json() -> None:
    options = [
        next(p for p in command.params if "--json" in p.opts)
        for command in COMMANDS.values()
        if takes_json(command)
    ]
    writers = [
        path.name
        for path in (ROOT / "candlewick/commands").glob("*.py")
        if re.search(r"json\.dumps\([^)]*\)\.decode\(\) \+|import json\b", path.read_text())
    ]

    assert {getattr(option, "help", "") for option in options} == {"One JSON object a line."}
    assert writers == []


def test_the_documents_have_every_exit_code_with_its_meaning() -> None:
    assert {int(code): text for code, text in rows_of("| code | meaning |")} == MEANINGS


def test_the_documents_have_every_command_that_finds() -> None:
    finders = {words for words, command in COMMANDS.items() if finds(command)}

    assert {row[0].strip("`") for row in rows_of("| command | when |")} == finders


def test_the_help_says_the_exit_codes_and_where_they_stand() -> None:
    shown = CliRunner().invoke(build_app(), ["--help"], env={"COLUMNS": "300"}).stdout

    assert SHORT in " ".join(shown.split())
    assert "### Exit codes" in PAGE


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("topics", "list", "--json"), 0),
        (("status",), 1),
        (("migrate",), 1),
        (("audit", "--no-such-option"), 2),
        (("no-such-command",), 2),
        (("models", "show", "x", "-n", "0"), 2),
    ],
)
def test_a_command_ends_with_the_documented_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    environment = {
        "CANDLEWICK_DATA_DIR": str(tmp_path),
        "CANDLEWICK_CLICKHOUSE__URL": "http://127.0.0.1:9",
    }

    done = subprocess.run(
        [CANDLEWICK, *arguments], env=environment, capture_output=True, check=False, timeout=60
    )

    assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done.stderr
    assert code in MEANINGS


@pytest.mark.parametrize(
    ("command", "name"), [("replay", "BTCUSDT-aggTrades-2024-01-01.csv"), ("import", "days.csv")]
)
def test_what_ctrl_c_cuts_short_ends_with_130(tmp_path: Path, command: str, name: str) -> None:
    file = tmp_path / name
    os.mkfifo(file)
    arguments = [CANDLEWICK, command, "--symbol", "BTCUSDT", str(file)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as running:
        try:
            with feeding(file, running):  # it has begun to read, and nothing comes
                running.send_signal(signal.SIGINT)
                _, said = running.communicate(timeout=60)
        finally:
            running.kill()

    assert (running.returncode, b"Traceback" in said) == (130, False), said


@contextmanager
def feeding(pipe: Path, reader: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hold the writing end of a pipe, once somebody has opened the other one."""
    deadline = time.monotonic() + 60
    while True:
        assert reader.poll() is None
        assert time.monotonic() < deadline
        try:
            end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.05)
            continue
        break
    yield
    os.close(end)
