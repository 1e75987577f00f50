"""A process that is to have a wrong clock is known by the name that the stack gives it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from candlewick.stack.addresses import Addresses
from candlewick.stack.folder import StackFolder
from candlewick.stack.parent_death import leashed
from candlewick.stack.programs import pipeline, servers
from tests.chaos import world
from tests.chaos.schedule import EXCHANGE, PARTS, SERVERS

FILE = Path(world.__file__).parent / "clock" / "sitecustomize.py"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.delenv("CHAOS_CLOCKS", raising=False)
    found = importlib.util.spec_from_file_location("clocks", FILE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_every_process_of_the_stack_is_known_by_its_name(site: ModuleType, tmp_path: Path) -> None:
    programs = servers(StackFolder(tmp_path), Addresses(1, 2, 3)) + pipeline(2)

    assert [site.name_of(list(each.command)) for each in programs] == [p.name for p in programs]
    assert {site.name_of(leashed(list(each.command))) for each in programs} == {""}
    assert {each.name for each in programs} == {*SERVERS, EXCHANGE, *PARTS}


@pytest.mark.parametrize("command", [[], ["python"], ["python", "-c", "pass"], ["python", "x.py"]])
def test_other_programs_keep_their_clock(site: ModuleType, command: list[str]) -> None:
    assert site.name_of(command) == ""
