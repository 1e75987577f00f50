"""``python -m processors worker``: builds candles from trades until it is told to stop."""

import argparse
import gc
import logging
import sys

import faust

from processors.app import build_app
from schemas.errors import CandlewickError
from schemas.settings import load_settings


def main() -> None:
    """Run one candle worker in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m processors", description=__doc__)
    parser.add_argument("role", choices=["worker"])
    parser.add_argument("--name", default="worker-1", help="member of the group, one per process")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
    except CandlewickError as error:
        sys.exit(f"candlewick: {error}")
    folder = settings.data_dir / "faust" / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    app = build_app(settings, name=arguments.name, folder=folder)
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    import uvloop

    uvloop.install()
    gc.collect()
    gc.freeze()
    faust.Worker(
        app, loglevel=settings.log_level, redirect_stdouts=False
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
