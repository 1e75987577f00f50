"""`python -m candlewick.exchange`: run the simulated Binance."""

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
from schemas.settings import variable_name

_SYMBOLS = ",".join(DEFAULT_SYMBOLS)


def run(  # noqa: PLR0917 - typer makes every one of them an option
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one and prints it.")
    ] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[
        int,
        typer.Option(
            envvar=variable_name("simulation", "seed"), help="The same seed gives the same market."
        ),
    ] = 1,
    start: Annotated[str, typer.Option(help="The market's clock at the start (ISO 8601).")] = "now",
    speed: Annotated[float, typer.Option(help="Market seconds a real second.")] = 1.0,
    symbols: Annotated[str, typer.Option(help="Symbols, comma separated.")] = _SYMBOLS,
    rate: Annotated[
        float,
        typer.Option(
            envvar=variable_name("simulation", "rate"), help="Trades a second over all symbols."
        ),
    ] = 150.0,
    recorded: Annotated[bool, typer.Option(help="Lay real candles over BTC and ETH.")] = True,  # noqa: FBT002 - typer makes --no-recorded of it
    state: Annotated[Path | None, typer.Option(help="File that keeps the market's place.")] = None,
    capture: Annotated[
        list[Path] | None, typer.Option(help="Serve the trades of recorded frames.")
    ] = None,
    aggtrades: Annotated[
        Path | None, typer.Option(help="Serve the official aggTrades files of a folder.")
    ] = None,
    klines: Annotated[
        list[Path] | None, typer.Option(help="Serve official kline files, SYMBOL-INTERVAL.csv.")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="kind:name=value,...; see /admin/faults/schema.")
    ] = None,
    ping_every: Annotated[float, typer.Option(help="Seconds from ping to ping.")] = 20.0,
    pong_within: Annotated[float, typer.Option(help="Seconds a pong may take.")] = 60.0,
    lifetime: Annotated[float, typer.Option(help="Seconds a connection may live.")] = 86_400.0,
    weight_limit: Annotated[int, typer.Option(help="Request weight a minute.")] = 6_000,
    ban: Annotated[int, typer.Option(help="Seconds of the first ban (418).")] = 120,
    connection_limit: Annotated[
        int, typer.Option(help="Websocket connection attempts in five minutes.")
    ] = 300,
) -> None:
    """Run the simulated Binance."""
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
            klines=tuple(klines or ()),
            faults=tuple(fault_from_text(text) for text in fault or []),
            sockets=SocketRules(
                ping_every_s=ping_every, pong_within_s=pong_within, lifetime_s=lifetime
            ),
            limits=LimitRules(weight=weight_limit, ban_s=ban, connections=connection_limit),
        )
        serve(options)
    except (OSError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(run)
