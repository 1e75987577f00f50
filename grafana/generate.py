"""Generated files of dashboards and alerts, which Grafana reads at its start."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards import boards
from grafana.provisioning_file import alert_file

FOLDER: Final = Path(__file__).parent


def generated() -> Iterator[tuple[Path, str]]:
    """Yield each generated file and its text."""
    for key, board in boards().items():
        yield FOLDER / "dashboards" / f"{key}.json", as_json(board)
    yield FOLDER / "provisioning" / "alerting" / "rules.json", as_json(alert_file())


def as_json(content: Dashboard | dict[str, object]) -> str:
    """Encode content as JSON for Grafana's import; equal content gives equal text."""
    return json.dumps(content, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write() -> int:
    """Write the files that are out of date, and return their number."""
    stale = [
        (path, text)
        for path, text in generated()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return len(stale)
