"""``python -m grafana JOB``: build the files, measure the pipeline, or write annotations."""

import argparse
import logging
import signal
import sys
import threading

from grafana.annotate import annotate_for_ever
from grafana.build import write
from grafana.measure import measure_for_ever
from schemas.errors import CandlewickError
from schemas.settings import Settings, load_settings

JOBS = {"measure": measure_for_ever, "annotate": annotate_for_ever}


def main() -> None:
    """Run one of the jobs; an error that a person must solve is one line, and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description=__doc__)
    parser.add_argument("job", choices=("build", *JOBS))
    job = parser.parse_args().job
    try:
        if job == "build":
            sys.stdout.write(f"{write()} files written\n")
        else:
            _run(job, load_settings())
    except CandlewickError as error:
        sys.exit(f"grafana: {error}")


def _run(job: str, settings: Settings) -> None:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    JOBS[job](settings, stopping.wait)


if __name__ == "__main__":
    main()
