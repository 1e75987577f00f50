"""``python -m grafana JOB``: builds the files, measures the pipeline or writes annotations."""

import argparse
import sys
from typing import Final

from clients.process import Ending, Progress, leave
from clients.watching.begin import begin_watching
from grafana.annotations_job import annotate_for_ever
from grafana.generate import write
from grafana.metrics_job import measure_for_ever
from schemas.errors import CandlewickError, RestartNeeded
from schemas.settings import Settings, load_settings

STALL_S: Final = 180.0  # longer than the limits of all calls in one attempt, the login included
JOBS = {"measure": measure_for_ever, "annotate": annotate_for_ever}


def main() -> None:
    """Run one job; an error that a person must fix prints one line and exits with code 1."""
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
    ending, progress = Ending(), Progress(STALL_S)
    ending.watch()
    begin_watching(settings, job)
    progress.watch()
    try:
        JOBS[job](settings, ending.wait, progress.attempted)
    except RestartNeeded as error:
        leave(str(error))
    finally:
        progress.stop()


if __name__ == "__main__":
    main()
