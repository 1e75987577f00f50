"""`candlewick evaluate`: scores the models on stored candles."""

import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from candlewick.offline.evaluation.progress import ProgressLine
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.wide_console import wide_console
from clients.process import when_told_to_end


def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of 1m or 15m candles, folders of them, or patterns: official klines "
            "(.csv, .zip, .gz), REST rows as JSON lines, freqtrade's .feather or .json."
        ),
    ],
    *,
    as_json: AsJson = False,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day to replay, UTC."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Day before which to stop, UTC."),
    ] = None,
    report_days: Annotated[
        float | None,
        typer.Option(min=1, help="Report only the last days; default: the last third."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="online, batch, forest, lstm, or your own, name=package.module:factory; may be "
            "repeated. Default: online and batch."
        ),
    ] = None,
    train_days: Annotated[
        float, typer.Option(min=8, help="Days before a training that it sees, as live by default.")
    ] = 90,
    symbol: Annotated[
        str | None,
        typer.Option(help="Only this pair; also the pair of files whose names lack it."),
    ] = None,
    interval: Annotated[
        str | None, typer.Option(help="1m or 15m; default: 1m where there is such a file.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Symbols to replay at a time; default: one for each core."),
    ] = None,
) -> None:
    """Replay stored candles through the same step as live, and score every prediction.

    Models are compared with the reference: the last price, with an interval that is the same in
    calm and volatile markets. The last line is the digest of all predictions: the same candles
    give the same digest.
    """
    # River takes seconds to import, and help needs none of it.
    from candlewick.offline.evaluation.as_json import evaluation_row  # noqa: PLC0415
    from candlewick.offline.evaluation.evaluate import Wish  # noqa: PLC0415
    from candlewick.offline.evaluation.evaluate import evaluate as run  # noqa: PLC0415
    from candlewick.offline.evaluation.find_files import find_files, left_out_told  # noqa: PLC0415
    from candlewick.offline.evaluation.selection import (  # noqa: PLC0415
        extra_models_of,
        interval_of,
        models_of,
        selected,
    )
    from candlewick.offline.evaluation.tables import print_evaluation  # noqa: PLC0415

    when_told_to_end(lambda *_: sys.exit(WRONG))  # what a training learns from lies in files
    found = find_files(files, symbol and symbol.upper(), interval_of(interval))
    for line in left_out_told(found):
        typer.echo(line, err=True)
    with closing(ProgressLine()) as progress:
        wish = Wish(
            report_days,
            models_of(model or ["online", "batch"]),
            train_days,
            jobs or os.cpu_count() or 1,
            extra_models_of(model or []),
            progress.show,
        )
        evaluation = run(selected(found, _ms(since), _ms(until)), wish)
    if as_json:
        print_json([evaluation_row(evaluation)])
    else:
        print_evaluation(evaluation, wide_console())


def _ms(day: datetime | None) -> int | None:
    return None if day is None else int(day.replace(tzinfo=UTC).timestamp() * 1000)
