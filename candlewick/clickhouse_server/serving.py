"""Lifetime of the server process: open the engine, serve until a signal, close the engine."""

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from candlewick.clickhouse_server.accounts import Accounts
from candlewick.clickhouse_server.app import build_app
from candlewick.clickhouse_server.engine import Engine
from candlewick.clickhouse_server.execution import Execution
from candlewick.clickhouse_server.sessions import Sessions

_LONGEST_URL_BYTES: Final = 1 << 20
_GRACE_S: Final = 2


def serve(listener: socket.socket, accounts: Accounts, folder: Path, *, memory_mb: int) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: The folder cannot be opened.
    """
    engine = Engine(folder, memory_mb=memory_mb)
    sessions = Sessions(engine)
    # uvicorn raises the signal again after it has shut down; this handler ignores it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        app = build_app(Execution(engine, sessions), accounts)
        server = _Server(_config(app), engine)
        host, port = listener.getsockname()[:2]
        sys.stdout.write(f"ClickHouse HTTP on {host}:{port}, data in {folder}\n")
        sys.stdout.flush()
        server.run(sockets=[listener])
    finally:
        sessions.close()
        engine.close()


class _Server(uvicorn.Server):
    """uvicorn server that stops statements still running _GRACE_S after a signal."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self._engine = engine

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        late = loop.call_later(_GRACE_S, self._engine.kill_all)
        try:
            await super().shutdown(sockets)
        finally:
            late.cancel()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        h11_max_incomplete_event_size=_LONGEST_URL_BYTES,
        http="h11",
        lifespan="off",
        log_level="warning",
        loop="asyncio",
        server_header=False,
        timeout_graceful_shutdown=2 * _GRACE_S,
        timeout_keep_alive=30,
        ws="none",
    )
