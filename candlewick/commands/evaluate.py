"""`candlewick evaluate`: scores the models on stored candles."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from candlewick.terminal.wide_console import wide_console


def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of 1m or 15m candles: official klines (.csv, .zip, .gz), REST rows as "
            "JSON lines, freqtrade's .feather or .json."
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
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
        typer.Option(min=0.01, help="Report only the last days; default: the last third."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="online, batch, forest or lstm; may be repeated. Default: online and batch."
        ),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Pair of all files; default: that in each name.")
    ] = None,
) -> None:
    """Replay stored candles through the same step as live, and score every prediction.

    Models are compared with the reference: the last price, with an interval that is the same in
    calm and volatile markets. The last line is the digest of all predictions: the same candles
    give the same digest.
    """
    from candlewick.offline.evaluation.as_json import evaluation_json  # noqa: PLC0415 - River takes
    from candlewick.offline.evaluation.evaluate import evaluate as run  # noqa: PLC0415 - seconds to
    from candlewick.offline.evaluation.selection import models_of, selected  # noqa: PLC0415 - import, and
    from candlewick.offline.evaluation.tables import print_evaluation  # noqa: PLC0415 - help needs none

    candles = selected(files, symbol and symbol.upper(), _ms(since), _ms(until))
    evaluation = run(candles, report_days, models_of(model or ["online", "batch"]))
    if as_json:
        typer.echo(evaluation_json(evaluation))
    else:
        print_evaluation(evaluation, wide_console())


def _ms(day: datetime | None) -> int | None:
    return None if day is None else int(day.replace(tzinfo=UTC).timestamp() * 1000)
