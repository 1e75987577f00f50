"""Notifications: messages about events in Kafka's topics (``python -m sinks.notify``)."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from clients.process import Ending, Progress, leave
from clients.watching.begin import begin_watching
from schemas.errors import CandlewickError, RestartNeeded
from schemas.settings import Settings, load_settings
from sinks.notify.loop import Notifier
from sinks.notify.plan import Plan
from sinks.notify.rules_file import read_plan
from sinks.notify.store import Store

STALL_S: Final = 60.0  # longer than all calls of one round


def main() -> None:
    """Run it; an error that a person must fix prints one line and exits with code 1."""
    ending = Ending()
    ending.watch()
    try:
        settings = load_settings()
        begin_watching(settings, "notify")
        plan = read_plan(settings)
        with closing(Store(Path(settings.data_dir) / "notify" / "store.sqlite")) as store:
            _run(settings, plan, store, ending)
    except RestartNeeded as error:
        leave(str(error))
    except CandlewickError as error:
        sys.exit(f"notify: {error}")


def _run(settings: Settings, plan: Plan, store: Store, ending: Ending) -> None:
    progress = Progress(STALL_S)
    progress.watch()
    try:
        Notifier(settings, plan, store).run(ending.is_asked, progress.attempted)
    finally:
        progress.stop()


if __name__ == "__main__":
    main()
