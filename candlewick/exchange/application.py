"""Assembly of the simulated exchange: one port for websockets, REST and archives."""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator
from typing import Final

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from candlewick.exchange.faults.active import ActiveFaults
from candlewick.exchange.market.changes import keep
from candlewick.exchange.market.intervals import MINUTE_MS
from candlewick.exchange.opening import opened
from candlewick.exchange.options import Options
from candlewick.exchange.server.admin import Admin
from candlewick.exchange.server.archive import Archive
from candlewick.exchange.server.archive_folder import ArchiveFolder
from candlewick.exchange.server.coingecko import CoinGecko
from candlewick.exchange.server.errors import fail, refuse
from candlewick.exchange.server.hub import Hub
from candlewick.exchange.server.kline_files import read_kline_files
from candlewick.exchange.server.limits import Limits
from candlewick.exchange.server.rest import Rest
from candlewick.exchange.server.session import Session
from candlewick.exchange.server.view import View

_FREED_BYTES: Final = 4 << 20
_OF_PORTS: Final = {errno.EADDRINUSE, errno.EACCES}


def application(options: Options) -> Starlette:
    """Build the web application of an exchange; its clock starts now.

    Raises:
        OSError: A recording or the state file cannot be read.
        ValueError: A symbol or a fault is unknown, or a recording cannot be served.
    """
    place = opened(options)
    clock, market = place.clock, place.market
    limits = Limits(options.limits)
    arsenal = ActiveFaults()
    for change in place.changes:
        span_ms = change.first_minute * MINUTE_MS, change.end_minute * MINUTE_MS
        arsenal.stop(change.symbol, *span_ms, change.status)
    hub = Hub(clock, market, options.sockets, arsenal=arsenal, limits=limits)
    given = read_kline_files(options.klines)
    folder = ArchiveFolder() if options.archives is None else ArchiveFolder.of(options.archives)
    rest = Rest(View(clock, market, arsenal), limits, given=given, folder=folder)
    gecko = CoinGecko(clock, market, arsenal)
    archive = Archive(clock, market, arsenal, given=given, folder=folder)
    about: dict[str, object] = {"seed": options.seed, "rate": options.rate}
    about["recorded_day"] = place.recorded_day
    admin = Admin(
        clock,
        market,
        arsenal,
        lambda: about | {"connections": len(hub.sessions)},
        lambda change: keep(options.state, change),
    )
    for fault in options.faults:
        admin.arm(fault)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, object]]:
        task = asyncio.create_task(hub.run())
        task.add_done_callback(_stop_if_failed)
        yield {"hub": hub}
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return Starlette(
        routes=[*rest.routes(), *archive.routes(), *gecko.routes(), *admin.routes()],
        lifespan=lifespan,
        exception_handlers={HTTPException: refuse, Exception: fail},
    )


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    # An exchange whose streams have stopped must not keep answering REST requests.
    if not task.cancelled() and task.exception() is not None:
        logging.getLogger(__name__).error("the streams have stopped", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


def serve(options: Options) -> None:
    """Print the exchange's address, and run it until a signal stops it.

    Raises:
        OSError: The port is taken, or the host is not of this machine.
        ValueError: A symbol is unknown.
    """
    _keep_freed_memory()
    app = application(options)
    listener = _listener(options.host, options.port)
    host, port = listener.getsockname()[:2]
    print(f"simulated exchange on http://{host}:{port}", flush=True)  # noqa: T201 - its only output
    config = uvicorn.Config(
        app, ws=Session, http="h11", log_level="warning", access_log=False, lifespan="on"
    )
    uvicorn.Server(config).run(sockets=[listener])


def _keep_freed_memory() -> None:
    # glibc gives memory back at once until a larger piece was freed. Making a day of candles takes
    # and frees some 60 arrays of 0.7 MB: clearing their pages anew took longer than the candles.
    np.empty(_FREED_BYTES, np.uint8)


def _listener(host: str, port: int) -> socket.socket:
    # asyncio turns off Nagle's delay only for sockets made with IPPROTO_TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        wrong = "--port" if error.errno in _OF_PORTS else "--host"
        raise OSError(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another {wrong}"
        ) from error
    return listener
