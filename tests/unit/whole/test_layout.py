"""The house: how many modules a folder holds, how long they are, and where servers are opened."""

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[3]
PARTS = (
    "schemas",
    "clients",
    "producers",
    "processors",
    "sinks",
    "api",
    "grafana",
    "candlewick",
    "tools",
)
MOST_MODULES = 25
MOST_LINES = 300
OPENERS = {"Consumer", "Producer", "AdminClient", "get_client"}
OPENING = {  # the only modules that make a client of Kafka or ClickHouse
    Path("clients/kafka/opening.py"): {"Consumer", "Producer", "AdminClient"},
    Path("clients/clickhouse.py"): {"get_client"},
}
ONE_FILE_A_COMMAND = Path("candlewick/commands")
MODULES = sorted(
    path.relative_to(ROOT)
    for part in PARTS
    for path in (ROOT / part).rglob("*.py")
    if path.name != "__init__.py"
)


def test_a_folder_can_be_seen_at_a_glance() -> None:
    full = {
        str(folder): len(list(modules))
        for folder, modules in groupby(MODULES, lambda path: path.parent)
        if folder != ONE_FILE_A_COMMAND
    }

    assert {folder: count for folder, count in full.items() if count > MOST_MODULES} == {}


def test_a_module_can_be_read_in_one_go() -> None:
    lines = {str(module): len((ROOT / module).read_text().splitlines()) for module in MODULES}

    assert {module: count for module, count in lines.items() if count > MOST_LINES} == {}


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {(ROOT / module).parent for module in MODULES} - {ROOT / "candlewick/exchange/data"}

    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_servers_are_opened_on_the_floor_of_clients_and_nowhere_else() -> None:
    found = {module: set(calls_in(module)) & OPENERS for module in MODULES}

    assert {module: names for module, names in found.items() if names} == OPENING


def calls_in(module: Path) -> Iterator[str]:
    """The last name of whatever is called in a module: ``b`` of ``a.b()``."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def test_nobody_asks_a_message_for_its_headers_but_headers_of() -> None:
    assert [module for module in MODULES if "headers" in calls_in(module)] == []
