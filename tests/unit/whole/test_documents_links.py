"""Every link, path and module that a document names is there, and every page stands in the site."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
AT_ROOT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = sorted(
    [*(name for name in AT_ROOT), *(str(p.relative_to(ROOT)) for p in DOCS.rglob("*.md"))]
)
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
FOLDERS = "|".join(sorted(p.name for p in ROOT.iterdir() if p.is_dir() and p.name[0].isalpha()))
PATH = re.compile(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]*\w(?:/|\b)")
MODULE = re.compile(r"python3? -m ([a-z_]+(?:\.[a-z_]+)*)")
PLACEHOLDER = re.compile(r"NAME|NNN|title")  # of a recipe: the reader chooses
OURS = (
    "bench",
    "candlewick",
    "grafana",
    "api",
    "processors",
    "producers",
    "sinks",
    "tests",
    "tools",
)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def links(text: str) -> list[str]:
    """Return what the links and pictures of a page lead to; code is no link."""
    return LINK.findall(CODE.sub("", FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as a forge makes them."""
    made, seen = set[str](), Counter[str]()
    for heading in HEADING.findall(FENCE.sub("", text)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        made.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return made


@cache
def anchors_of(path: Path) -> set[str]:
    return anchors(path.read_text(encoding="utf-8"))


def broken(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead to no file, or to no heading of one."""
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue  # another site: no test goes there
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_relative_to(ROOT) or not target.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors_of(target):
            yield f"{link}: no such heading"


def missing(text: str) -> Iterator[str]:
    """Yield the files, folders and modules of ours that a page names and nobody has."""
    for path in {found for code in CODE.findall(text) for found in PATH.findall(code)}:
        if not PLACEHOLDER.search(path) and not (ROOT / path).exists():
            yield path
    for module in set(MODULE.findall(text)):
        place = ROOT / module.replace(".", "/")
        if module.split(".")[0] in OURS and not (
            place.is_dir() or place.with_suffix(".py").exists()
        ):
            yield module


@pytest.mark.parametrize("name", PAGES)
def test_every_path_and_module_of_a_document_is_there(name: str) -> None:
    assert list(missing((ROOT / name).read_text(encoding="utf-8"))) == []


def test_a_path_or_module_that_is_gone_is_found() -> None:
    text = (
        "`schemas/gone.py` `schemas/topics.py` `docs/NAME.md` python -m bench.gone, python -m venv"
    )

    assert sorted(missing(text)) == ["bench.gone", "schemas/gone.py"]


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    assert list(broken(ROOT / name)) == []


def test_a_link_to_a_missing_file_or_heading_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One, `two`\n[a](#one-two) [b](#three) ![c](gone.png) `[d](e.md)` [f](https://g.h)\n"
        "```\n[i](j.md)\n# three\n```\n"
    )

    found = links(page.read_text())

    assert found == ["#one-two", "#three", "gone.png", "https://g.h"]
    assert anchors(page.read_text()) == {"one-two"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.ROOT", tmp_path)
        assert list(broken(page)) == ["#three: no such heading", "gone.png: no such file"]


def test_every_page_stands_in_the_site() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = set(re.findall(r"[\w-]+\.md", yaml.safe_dump(config["nav"])))

    assert listed == {path.name for path in DOCS.glob("*.md")}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 1200
