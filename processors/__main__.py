"""``python -m processors worker | predictor | trainer``: build candles, predict, train models."""

import argparse
import gc
import os
import sys
from importlib import import_module

from clients.watching.begin import serve_metrics, start_logging
from schemas.errors import CandlewickError
from schemas.settings import Settings, load_settings

_APPS = {"worker": "processors.candles.agents", "predictor": "processors.predictor.agents"}
TRAINER_NICENESS = 10


def main() -> None:
    """Run one of the three processes in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m processors", description=__doc__)
    parser.add_argument("role", choices=[*_APPS, "trainer"])
    parser.add_argument("--name", default="", help="unique name within the consumer group")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
    except CandlewickError as error:
        sys.exit(f"candlewick: {error}")
    name, shown = arguments.name or f"{arguments.role}-1", arguments.name or arguments.role
    start_logging(settings, shown)
    if arguments.role == "trainer":
        os.nice(TRAINER_NICENESS)  # before its imports: at a start all other processes load too
        serve_metrics(settings, shown)
        import_module("processors.training.trainer").run(settings, name=name)
    else:
        _run_app(settings, arguments.role, name, shown)


def _run_app(settings: Settings, role: str, name: str, shown: str) -> None:
    folder = settings.data_dir / "faust" / name
    folder.mkdir(parents=True, exist_ok=True)
    module = import_module(_APPS[role])
    # Before the application starts its replay processes: what is frozen stays shared with them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # garbage from messages has no cycles
    app = module.build_app(settings, name=name, folder=folder)
    serve_metrics(settings, shown)  # has a thread: after the replay processes have been forked
    import_module("uvloop").install()
    worker = import_module("faust").Worker(
        app, override_logging=False, quiet=True, redirect_stdouts=False
    )
    worker.spinner = None  # it would write a terminal's codes into the log
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
