"""Serve a folder of the ClickHouse engine over HTTP: ``python -m candlewick.clickhouse_server``."""

import argparse
import os
import socket
import sys
from pathlib import Path

from candlewick.clickhouse_server.accounts import Accounts
from candlewick.stack.ports import port_number
from candlewick.terminal.console import one_line_errors
from schemas.errors import ConfigurationError


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; where it cannot start, say why in one line and exit with 1."""
    options = _options(arguments)
    with one_line_errors():
        accounts = Accounts.from_environment(os.environ)
        listener = _listen(options.host, options.port)
        with listener:
            # chDB imports pyarrow where it finds it: 40 MB and half a second for nothing.
            sys.modules["pyarrow"] = None  # type: ignore[assignment]
            from candlewick.clickhouse_server.serving import serve  # noqa: PLC0415 - after the above

            serve(listener, accounts, options.path.absolute(), memory_mb=options.max_memory_mb)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="candlewick.clickhouse_server", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="the folder that holds the data")
    parser.add_argument(
        "--port", type=port_number, default=8123, help="HTTP port; 0 takes a free one"
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback, unless you say otherwise")
    parser.add_argument("--max-memory-mb", type=int, default=1024, help="cap of the engine")
    return parser.parse_args(arguments)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only sockets that say TCP get TCP_NODELAY of asyncio; without it an answer takes 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error}); stop what holds the port, or choose"
            " another --port"
        ) from error
    return listener


if __name__ == "__main__":
    main()
