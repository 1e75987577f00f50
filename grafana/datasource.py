"""The ClickHouse data source of Grafana's plugin, and its queries from our SQL files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

PLUGIN: Final = "grafana-clickhouse-datasource"
UID: Final = "candlewick-clickhouse"
NAME: Final = "Candlewick"
SOURCE: Final = DataSourceRef(type_val=PLUGIN, uid=UID)
# The one that is chosen above the dashboard: see `grafana.variables.prometheus`.
PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="${prometheus}")
QUERIES: Final = Path(__file__).parent / "queries"
Format = Literal["timeseries", "table"]
_NUMBERS: Final[dict[Format, int]] = {"timeseries": 0, "table": 1}


class ClickHouseQuery(Dataquery, Builder[Dataquery]):
    """A panel's query; it is its own builder, because it is complete from the start.

    Source: grafana/clickhouse-datasource, src/types/sql.ts, ``CHSqlQuery``.
    """

    def __init__(self, sql: str, *, form: Format = "table", ref_id: str = "A") -> None:
        self.sql, self.form, self.ref_id = sql, form, ref_id

    def build(self) -> Dataquery:
        """Return the query."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return the query in the JSON form of the plugin's editor."""
        return {
            "datasource": SOURCE,
            "editorType": "sql",
            "format": _NUMBERS[self.form],
            "pluginVersion": "",
            "queryType": self.form,
            "rawSql": self.sql,
            "refId": self.ref_id,
        }


def load(name: str) -> str:
    """Read the SQL of a query, without the comment above it.

    Raises:
        FileNotFoundError: There is no file named after the dashboard and the panel.
    """
    text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return re.sub(r"\A(?:--[^\n]*\n)+", "", text).strip()


def query_names() -> Iterator[str]:
    """Yield the name of every SQL file."""
    yield from sorted(path.stem for path in QUERIES.glob("*.sql"))


def slug(text: str) -> str:
    """Convert a title to part of a file name: ``24 h change`` gives ``24-h-change``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().replace("'", "")).strip("-")
