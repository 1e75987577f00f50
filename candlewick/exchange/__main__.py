"""`python -m candlewick.exchange`: runs the simulated Binance."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from candlewick.exchange.application import serve
from candlewick.exchange.faults.parsing import fault_from_text
from candlewick.exchange.market.coins import DEFAULT_SYMBOLS
from candlewick.exchange.market.intervals import epoch_ms
from candlewick.exchange.options import Options
from candlewick.exchange.server.limits import LimitRules
from candlewick.exchange.server.session import SocketRules
from clients.memory import give_back_memory
from schemas.settings import variable_name

_SYMBOLS = ",".join(DEFAULT_SYMBOLS)


def run(  # noqa: PLR0917 - typer makes every one of them an option
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port; 0 for any free one, which is printed.")
    ] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[
        int,
        typer.Option(
            envvar=variable_name("simulation", "seed"), help="The same seed gives the same market."
        ),
    ] = 1,
    start: Annotated[str, typer.Option(help="The market's time at the start, ISO 8601.")] = "now",
    speed: Annotated[float, typer.Option(help="Market seconds per real second.")] = 1.0,
    symbols: Annotated[str, typer.Option(help="Symbols, comma separated.")] = _SYMBOLS,
    rate: Annotated[
        float,
        typer.Option(
            envvar=variable_name("simulation", "rate"), help="Trades a second of all symbols."
        ),
    ] = 150.0,
    recorded: Annotated[bool, typer.Option(help="Lay real candles over BTC and ETH.")] = True,  # noqa: FBT002 - typer makes --no-recorded of it
    state: Annotated[Path | None, typer.Option(help="File that keeps the recorded days.")] = None,
    capture: Annotated[
        list[Path] | None, typer.Option(help="Serve the trades in a file of recorded frames.")
    ] = None,
    aggtrades: Annotated[
        Path | None, typer.Option(help="Serve the official aggTrades files in a folder.")
    ] = None,
    archives: Annotated[
        Path | None,
        typer.Option(help="Serve the official kline archives in a folder; REST, the daily ones."),
    ] = None,
    klines: Annotated[
        list[Path] | None, typer.Option(help="Serve official kline files, SYMBOL-INTERVAL.csv.")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="kind:name=value,...; see /admin/faults/schema.")
    ] = None,
    ping_every: Annotated[float, typer.Option(help="Seconds between pings.")] = 20.0,
    pong_within: Annotated[float, typer.Option(help="Seconds a pong may take.")] = 60.0,
    lifetime: Annotated[float, typer.Option(help="Seconds until it ends a connection.")] = 86_400.0,
    weight_limit: Annotated[int, typer.Option(help="Request weight per minute.")] = 6_000,
    ban: Annotated[int, typer.Option(help="Length of the first ban (418), seconds.")] = 120,
    connection_limit: Annotated[
        int, typer.Option(help="Websocket connection attempts per five minutes.")
    ] = 300,
) -> None:
    """Run a simulated Binance with websocket streams, REST and archive files."""
    try:
        options = Options(
            host=host,
            port=port,
            seed=seed,
            start_ms=None if start == "now" else epoch_ms(start),
            speed=speed,
            rate=rate,
            symbols=tuple(symbol.strip().upper() for symbol in symbols.split(",")),
            recorded=recorded,
            state=state,
            captures=tuple(capture or ()),
            agg_trades=aggtrades,
            archives=archives,
            klines=tuple(klines or ()),
            faults=tuple(fault_from_text(text) for text in fault or []),
            sockets=SocketRules(
                ping_every_s=ping_every, pong_within_s=pong_within, lifetime_s=lifetime
            ),
            limits=LimitRules(weight=weight_limit, ban_s=ban, connections=connection_limit),
        )
        give_back_memory()
        serve(options)
    except (OSError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(run)
