"""Serves a ClickHouse data folder over HTTP: ``python -m candlewick.clickhouse_server``."""

import argparse
import os
import socket
import sys
import time
from pathlib import Path

from candlewick.clickhouse_server.accounts import Accounts
from candlewick.stack.ports import port_number
from candlewick.terminal.console import one_line_errors
from schemas.errors import ConfigurationError


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; a failed start prints one line and exits with code 1."""
    options = _options(arguments)
    with one_line_errors():
        accounts = Accounts.from_environment(os.environ)
        listener = _listen(options.host, options.port)
        with listener:
            # The engine reads times without a zone in that of the machine; every answer says UTC.
            os.environ["TZ"] = "UTC"
            time.tzset()
            # chDB imports pyarrow if it is installed, which costs 40 MB and half a second here.
            sys.modules["pyarrow"] = None  # type: ignore[assignment]
            from candlewick.clickhouse_server.serving import serve  # noqa: PLC0415 - after the above

            serve(listener, accounts, options.path.absolute(), memory_mb=options.max_memory_mb)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="candlewick.clickhouse_server", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="folder of the data")
    parser.add_argument(
        "--port", type=port_number, default=8123, help="HTTP port; 0 for any free one"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--max-memory-mb", type=int, default=1024, help="memory of the engine")
    return parser.parse_args(arguments)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets made with IPPROTO_TCP; it saves 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error}): stop the process that uses the port, or"
            " choose another --port"
        ) from error
    return listener


if __name__ == "__main__":
    main()
