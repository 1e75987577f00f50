"""``python -m processors worker | predictor | trainer``: build candles, predict, train models."""

import argparse
import gc
import os
import sys
from importlib import import_module

from clients.kafka.member_name import MemberName, name_on_this_host
from clients.kafka.waiting import wait_for_brokers
from clients.process import leave
from clients.watching.begin import begin_beside, start_logging
from schemas import topics
from schemas.errors import CandlewickError
from schemas.settings import Settings, load_settings

_APPS = {
    "worker": ("processors.candles.agents", topics.CANDLE_APP),
    "predictor": ("processors.predictor.agents", topics.PREDICTION_APP),
}
TRAINER_NICENESS = 10


def main() -> None:
    """Run one of the three processes in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m processors", description=__doc__)
    parser.add_argument("role", choices=[*_APPS, "trainer"])
    parser.add_argument(
        "--name",
        default="",
        help="name of this process, unique in its group; without it the role and the host's name",
    )
    arguments = parser.parse_args()
    name = arguments.name or name_on_this_host(arguments.role)
    shown = arguments.name or arguments.role
    try:
        settings = load_settings()
        start_logging(settings, shown)
        if arguments.role == "trainer":
            os.nice(TRAINER_NICENESS)  # before its imports: at a start all other processes load too
            begin_beside(settings, shown)
            import_module("processors.training.trainer").run(settings, name=name)
        else:
            _run_app(settings, arguments.role, name, shown)
    except CandlewickError as error:
        sys.exit(f"candlewick: {error}")


def _run_app(settings: Settings, role: str, name: str, shown: str) -> None:
    place, group = _APPS[role]
    wait_for_brokers(settings.kafka)  # Faust would end with a stack trace
    member = MemberName(settings.kafka, group, name, settings.data_dir)
    member.take()
    folder = settings.data_dir / "faust" / name
    folder.mkdir(parents=True, exist_ok=True)
    module = import_module(place)
    # Before the application starts its replay processes: what is frozen stays shared with them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # garbage from messages has no cycles
    app = module.build_app(settings, name=name, folder=folder)
    begin_beside(settings, shown)  # has threads: after the replay processes have been forked

    def lost() -> None:
        member.lost()
        leave(f"another process has joined the group {group} under the name {name}")

    app.name_lost = lost
    import_module("uvloop").install()
    worker = import_module("faust").Worker(
        app, override_logging=False, quiet=True, redirect_stdouts=False
    )
    worker.spinner = None  # it would write a terminal's codes into the log
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
