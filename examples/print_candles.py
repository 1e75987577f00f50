"""Print closed candles and predictions as they come; Ctrl-C ends it.

    .venv/bin/python examples/print_candles.py BTCUSDT ETHUSDT

With ``--start beginning`` all that Kafka holds comes first; ``--once`` ends there.
"""

import argparse
import contextlib
import sys
from datetime import UTC, datetime

import candlewick
from candlewick import Candle, Prediction


def main() -> None:
    """Read two topics in turn."""
    asked = _arguments()
    with (
        candlewick.subscribe(
            "market.candles.v1", symbols=asked.symbols, start=asked.start, follow=not asked.once
        ) as candles,
        candlewick.subscribe(
            "model.predictions.v1", symbols=asked.symbols, start=asked.start, follow=not asked.once
        ) as predictions,
    ):
        while not (candles.ended and predictions.ended):
            while candle := candles.poll(0.1):
                print(candle_line(candle), flush=True)
            while prediction := predictions.poll(0.1):
                if prediction.champion:
                    print(prediction_line(prediction), flush=True)


def candle_line(candle: Candle) -> str:
    """Return a candle for people."""
    return (
        f"{_clock(candle.open_ms)} {candle.symbol} {candle.interval} closed at "
        f"{_price(candle.close_e8)} after {candle.trade_count} trades: {candle.status}"
    )


def prediction_line(prediction: Prediction) -> str:
    """Return a prediction for people."""
    chance = "" if prediction.chance_up is None else f", up with {100 * prediction.chance_up:.0f} %"
    return (
        f"{_clock(prediction.issued_ms)} {prediction.symbol} will close at "
        f"{_price(prediction.price_e8)} at {_clock(prediction.close_ms)}, 90 % between "
        f"{_price(prediction.low_90_e8)} and {_price(prediction.high_90_e8)}{chance}"
    )


def _price(value_e8: int) -> str:
    places = 2 if value_e8 >= 10 * 10**8 else 8  # a coin may cost less than a cent
    return f"{value_e8 / 10**8:,.{places}f}"


def _clock(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("symbols", nargs="*", help="for example BTCUSDT; all where none is named")
    parser.add_argument("--start", choices=("beginning", "latest"), default="latest")
    parser.add_argument("--once", action="store_true", help="end with what is there")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        with contextlib.suppress(KeyboardInterrupt):
            main()
    except candlewick.CandlewickError as error:
        sys.exit(f"print_candles: {error}")
