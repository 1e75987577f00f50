"""Report of what ``python -m bench.scaling`` has measured: tables, pictures, sizing.

    .venv/bin/python -m bench.scaling.report [--results FILE] [--pictures docs/pictures]

Pictures are drawn by Plotly and Kaleido, which needs Chrome or Chromium.
"""

import argparse
from pathlib import Path

from bench.scaling.pictures import TITLES, write
from bench.scaling.results import KEPT, read
from bench.scaling.sizing import sizing
from bench.scaling.tables import tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=KEPT)
    parser.add_argument("--pictures", type=Path, help="the folder for pictures")
    asked = parser.parse_args()
    runs = read(asked.results)
    for name, run in runs.items():
        print(f"\n## {name}\n")
        print("\n\n".join(tables(run)))
        if asked.pictures and name in TITLES:
            print(f"\n{write(run, asked.pictures)}")
    print("\n## sizing\n")
    print("\n\n".join(sizing(runs)))


if __name__ == "__main__":
    main()
