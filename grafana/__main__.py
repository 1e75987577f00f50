"""``python -m grafana build``: writes what is generated from the code."""

import argparse
import sys

from grafana.build import write


def main() -> None:
    """Run one of the jobs."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description=__doc__)
    parser.add_argument("job", choices=("build",))
    parser.parse_args()
    sys.stdout.write(f"{write()} files written\n")


if __name__ == "__main__":
    main()
