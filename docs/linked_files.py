"""Files beside ``docs/`` that a page links to go along to the site, so that no link leads nowhere.

MkDocs calls it (``hooks`` in mkdocs.yml). A contract or a notebook is a file of the repository, and
a page that a forge shows links to it there; the site has only what is in ``docs/``.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

FOLDER = "files"
_LINK = re.compile(r"\]\((\.\./[^)#\s]+)")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with links to files beside ``docs/`` led to their copies."""
    docs = Path(config.docs_dir)
    here = posixpath.dirname(page.file.src_uri)

    def led(link: re.Match[str]) -> str:
        beside = posixpath.normpath(posixpath.join(here, link[1]))
        source = docs / beside
        if not beside.startswith("../") or not source.is_file() or source.suffix == ".md":
            return link[
                0
            ]  # inside docs/, or nowhere, or a page that the site lacks: MkDocs says so
        copy = f"{FOLDER}/{beside.removeprefix('../')}"
        if files.get_file_from_path(copy) is None:
            files.append(File.generated(config, copy, abs_src_path=str(source.resolve())))
        return f"]({posixpath.relpath(copy, here or '.')}"

    return _LINK.sub(led, markdown)
