"""``python -m processors worker | predictor``: candles from trades, predictions from candles."""

import argparse
import gc
import logging
import sys
from importlib import import_module

import faust

from schemas.errors import CandlewickError
from schemas.settings import load_settings

_APPS = {"worker": "processors.app", "predictor": "processors.prediction_app"}


def main() -> None:
    """Run one candle worker in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m processors", description=__doc__)
    parser.add_argument("role", choices=["worker", "predictor"])
    parser.add_argument("--name", default="", help="member of the group, one per process")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
    except CandlewickError as error:
        sys.exit(f"candlewick: {error}")
    name = arguments.name or f"{arguments.role}-1"
    folder = settings.data_dir / "faust" / name
    folder.mkdir(parents=True, exist_ok=True)
    module = import_module(_APPS[arguments.role])
    app = module.build_app(settings, name=name, folder=folder)
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    gc.collect()
    gc.freeze()
    faust.Worker(
        app, loglevel=settings.log_level, redirect_stdouts=False
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
