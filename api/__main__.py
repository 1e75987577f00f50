"""``python -m api``: runs the HTTP API until a signal ends it."""

import argparse
import errno
import logging
import socket
import ssl
import sys

import uvicorn
from fastapi import FastAPI
from websockets import http11

from api.accounts.authentication import open_gate
from api.app import build_app
from api.http.connections import MOST_HEAD_BYTES, BoundedConnection, allow_many_files
from clients.watching.begin import begin_beside, start_logging
from schemas.errors import CandlewickError, ConfigurationError
from schemas.settings import ApiSettings, Settings, load_settings, variable_name

LONGEST_GOODBYE_S = 3


def main() -> None:
    """Run the API; a configuration error is printed as one line, with exit code 1."""
    argparse.ArgumentParser(
        prog="python -m api",
        description="Run the HTTP API. CANDLEWICK_API__… are its settings: docs/settings.md.",
    ).parse_args()
    try:
        settings = load_settings()
        start_logging(settings, "api")
        logging.getLogger("uvicorn.error").addFilter(_without_trace)
        _check_port(settings.api)
        _check_certificate(settings.api)
        with open_gate(settings) as gate:
            app = build_app(settings, gate)
            begin_beside(settings, "api", app.state.meter.registry)
            _serve(app, settings)
    except CandlewickError as error:
        sys.exit(f"api: {error}")


def _without_trace(record: logging.LogRecord) -> bool:
    """Shorten the log entry for invalid UTF-8 on a websocket, which any client can cause."""
    if record.getMessage().startswith("Invalid UTF-8"):
        record.exc_info = None
    return True


def _serve(app: FastAPI, settings: Settings) -> None:
    # BoundedConnection has measured the head by then, and the id of an event may fill most of it.
    http11.MAX_LINE_LENGTH = MOST_HEAD_BYTES
    BoundedConnection.most = allow_many_files()
    BoundedConnection.request_s = settings.api.request_s
    BoundedConnection.origins = settings.api.origins
    uvicorn.run(
        app,
        http=BoundedConnection,
        host=settings.api.host,
        port=settings.api.port,
        ssl_certfile=settings.api.certificate,
        ssl_keyfile=settings.api.key,
        root_path=settings.api.root_path,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.api.trusted_proxies),
        forwarded_allow_ips=",".join(settings.api.trusted_proxies),
        timeout_graceful_shutdown=LONGEST_GOODBYE_S,
    )


def _check_port(settings: ApiSettings) -> None:
    """Refuse to start if another process uses the port; raises ConfigurationError."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        name = variable_name("api", "host")
        raise ConfigurationError(
            f"{settings.host} is not an address of this machine: check {name}"
        ) from error
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            host, port = (variable_name("api", name) for name in ("host", "port"))
            if error.errno != errno.EADDRINUSE:
                reason = f"the API cannot listen on {where} ({error.strerror}): check {host}"
                raise ConfigurationError(reason) from error
            raise ConfigurationError(f"{where} is taken: free it, or set {port}") from error


def _check_certificate(settings: ApiSettings) -> None:
    """Refuse a certificate that cannot be used; raises ConfigurationError."""
    if settings.certificate is None or settings.key is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            settings.certificate, settings.key, password=""
        )
    except (OSError, ValueError) as error:  # SSLError is an OSError
        names = [variable_name("api", name) for name in ("certificate", "key")]
        raise ConfigurationError(
            f"the certificate cannot be used ({error}): check {' and '.join(names)}"
        ) from error


if __name__ == "__main__":
    main()
