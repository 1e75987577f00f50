"""Generator of the pages under ``docs/`` from the code: ``python -m tools.pages.build``."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.settings import Settings, variable_name
from tools.pages.exchange import exchange_page
from tools.pages.metrics import metrics_page
from tools.pages.tables import stored_columns, tables_page
from tools.pages.topics import topic_pages

DOCS = Path(__file__).parents[2] / "docs"
_SETTINGS_HEAD = """# Settings

Every setting is an environment variable, or a line of a `.env` file in the folder where the command
runs. Any other variable that begins with `CANDLEWICK_` is refused. This page is made from the code
by `make docs`.

| variable | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    """Build `docs/settings.md`."""
    return _SETTINGS_HEAD + "".join(_setting_rows())


def pages() -> dict[str, str]:
    """Build every page that needs no store, by its path under `docs/`."""
    made = {
        "settings.md": settings_page(),
        "exchange.md": exchange_page(),
        "metrics.md": metrics_page(),
    }
    return made | topic_pages()


def main() -> None:
    """Write all generated pages."""
    made = pages() | {"tables.md": tables_page(stored_columns())}
    for name, text in made.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(text)


def _setting_rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            for inner, leaf in group.model_fields.items():
                yield _setting_row(variable_name(name, inner), leaf)
        else:
            yield _setting_row(variable_name(name), field)


def _setting_row(variable: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    text = ",".join(default) if isinstance(default, tuple | dict) else str(default)
    shown = f"`{text}`" if text and default is not None and "**" not in text else "none"
    return f"| `{variable}` | {shown} | {field.description} |\n"


if __name__ == "__main__":
    main()
