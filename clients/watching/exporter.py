"""The server of a process's metrics: one thread that sleeps until Prometheus asks.

It answers also while the process is at work or stuck: what stands still is then seen as such.
"""

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import MetricsHandler

from clients.watching.log import EventLog
from schemas.files import write_whole
from schemas.settings import Settings

ANSWER_S: Final = 5.0  # of a whole request; a client that is slower is not waited for
FOLDER: Final = "metrics"
_log: Final = EventLog(__name__)


class _Server(TCPServer):
    # Not `http.server.HTTPServer`: that one asks a name server for the machine's name first.
    allow_reuse_address = True

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base's
        """Answer a request; the handler's own limit is one between two bytes."""
        limit = threading.Timer(ANSWER_S, _cut, [request])
        limit.daemon = True
        limit.start()
        try:
            super().process_request(request, client_address)
        finally:
            limit.cancel()

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a client that went away go."""


def serve_metrics(
    settings: Settings, process: str, registry: CollectorRegistry = REGISTRY
) -> int | None:
    """Serve the metrics of this process, and return the port; None if that is off.

    A port that is taken is replaced by a free one: metrics are never the reason for a halt. With
    port 0 the address is also written into a file that Prometheus looks for.

    Args:
        settings: Where to listen, and the data folder.
        process: Name of this process in its stack.
        registry: What is served.
    """
    wanted, host = settings.metrics.port, settings.metrics.host
    if wanted is None:
        return None
    server = _open(host, wanted, registry)
    if server is None:
        return None
    threading.Thread(target=_serve, args=[server], name="metrics", daemon=True).start()
    port = int(server.server_address[1])
    if wanted == 0:
        _announce(settings.data_dir / FOLDER, process, host, port)
    return port


def _open(host: str, port: int, registry: CollectorRegistry) -> _Server | None:
    handler = type("Handler", (MetricsHandler,), {"registry": registry, "timeout": ANSWER_S})
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server_type = type("Server", (_Server,), {"address_family": family})
    for choice in (port, 0) if port else (0,):
        try:
            server: _Server = server_type((host, choice), handler)
        except OSError as error:
            _log.warning(
                "metrics_port_taken",
                "metrics cannot be served on {host}:{port}: {error}",
                host=host,
                port=choice,
                error=error,
            )
        else:
            return server
    return None


def _cut(request: socket.socket) -> None:
    with suppress(OSError):  # it has ended meanwhile
        request.shutdown(socket.SHUT_RDWR)


def _serve(server: _Server) -> None:
    # Not `serve_forever`, which wakes up twice a second.
    while True:
        server.handle_request()


def _announce(folder: Path, process: str, host: str, port: int) -> None:
    """Write the file by which Prometheus finds this process.

    Source: Prometheus documentation, "Configuration", ``file_sd_config``.
    """
    name = f"[{host}]" if ":" in host else host
    found = [{"targets": [f"{name}:{port}"], "labels": {"process": process}}]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{process}.json", json.dumps(found))
    except OSError as error:
        _log.warning(
            "metrics_not_announced",
            "Prometheus will not find the metrics on port {port}: {error}",
            port=port,
            error=error,
        )
