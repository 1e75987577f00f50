"""The exchange's REST answers of a market with one trade of each symbol in its past."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

LENGTHS_MS = {"1m": 60_000, "15m": 900_000}
PRICE, QUANTITY = "1.00000000", "0.00010000"
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class Rest:
    """The answers, as JSON; every symbol was traded once, as id 0, before the stream begins."""

    def __init__(self, symbols: Sequence[str], first_ms: int, now_ms: Callable[[], int]) -> None:
        self._symbols = symbols
        self._first_ms = first_ms
        self._now_ms = now_ms

    def answer(self, path: str, query: dict[str, str]) -> object:
        return {
            "/api/v3/time": lambda _: {"serverTime": self._now_ms()},
            "/api/v3/exchangeInfo": lambda _: self._info,
            "/api/v3/aggTrades": self._trades,
            "/api/v3/klines": self._klines,
        }[path](query)

    @cached_property
    def _info(self) -> object:
        sizes = {"PRICE_FILTER": "tickSize", "LOT_SIZE": "stepSize"}
        filters = [{"filterType": kind, name: "0.0001"} for kind, name in sizes.items()]
        common = {"status": "TRADING", "quoteAsset": "USDT", "filters": filters}
        weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return {
            "rateLimits": [weight | {"limit": 10**6}],
            "symbols": [{"symbol": s, "permissions": ["SPOT"], **common} for s in self._symbols],
        }

    def _trades(self, query: dict[str, str]) -> object:
        if int(query.get("fromId", 0)) > 0 or int(query.get("startTime", 0)) > self._first_ms:
            return []
        ids = {"a": 0, "f": 0, "l": 0}
        return [ids | {"p": PRICE, "q": QUANTITY, "T": self._first_ms, "m": False, "M": True}]

    def _klines(self, query: dict[str, str]) -> object:
        length_ms = LENGTHS_MS[query["interval"]]
        first_ms = self._first_ms // length_ms * length_ms
        start_ms = max(first_ms, -(-int(query["startTime"]) // length_ms) * length_ms)
        rows = []
        for open_ms in range(start_ms, self._now_ms() + 1, length_ms):
            traded = open_ms == first_ms
            sums = [QUANTITY, open_ms + length_ms - 1, QUANTITY, 1, QUANTITY, QUANTITY, "0"]
            none = ["0.00000000", sums[1], "0.00000000", 0, "0.00000000", "0.00000000", "0"]
            rows.append([open_ms, *[PRICE] * 4, *(sums if traded else none)])
        return rows


class Handler(BaseHTTPRequestHandler):
    """Answers a request of REST; a websocket is handed to the server that it is part of."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece, or each answer waits for an acknowledgement
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        if key := self.headers.get("Sec-WebSocket-Key"):
            self._open(key)
            return
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        body = json.dumps(self.server.rest.answer(address.path, query)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _open(self, key: str) -> None:
        digest = hashlib.sha1(key.encode() + WEBSOCKET, usedforsecurity=False).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.wfile.flush()
        self.server.welcome(self.path, self)
        while True:  # the connection lives as long as its thread
            time.sleep(3600)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """REST, and websockets for whoever wants them, on a free port; serves from a thread."""

    daemon_threads = True

    def __init__(
        self, rest: Rest, welcome: Callable[[str, Handler], None] = lambda *_: None
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.rest = rest
        self.welcome = welcome
        Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that is stopped cuts its connections."""
