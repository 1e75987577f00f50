"""Sessions: handles that stay open between the requests of a client."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from candlewick.clickhouse_server.engine import Engine
from candlewick.clickhouse_server.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, refused
from candlewick.clickhouse_server.handle import Handle


@dataclass(slots=True)
class _Session:
    handle: Handle
    busy: bool = False
    expires_s: float = 0.0


class Sessions:
    """Sessions by user and name; each runs one statement at a time and expires when unused."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: dict[tuple[str, str], _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def handle(self, user: str, name: str, *, timeout_s: int, must_exist: bool) -> Iterator[Handle]:
        """Lend the session's handle for one request; a missing session is opened.

        Raises:
            QueryError: Another request is using it (373), or `must_exist` and it does not (372).
        """
        session = self._take((user, name), must_exist=must_exist)
        try:
            yield session.handle
        finally:
            session.expires_s = time.monotonic() + timeout_s
            session.busy = False

    def close(self) -> None:
        """End every session."""
        with self._lock:
            for session in self._open.values():
                session.handle.close()
            self._open.clear()

    def _take(self, key: tuple[str, str], *, must_exist: bool) -> _Session:
        with self._lock:
            self._forget_expired()
            session = self._open.get(key)
            if session is None and must_exist:
                raise refused(SESSION_NOT_FOUND, "Session not found.")
            if session is None:
                session = self._open[key] = _Session(self._engine.open_handle())
            if session.busy:
                raise refused(SESSION_IS_LOCKED, "Session is locked by a concurrent client.")
            session.busy = True
            return session

    def _forget_expired(self) -> None:
        now = time.monotonic()
        for key, session in list(self._open.items()):
            if not session.busy and session.expires_s < now:
                self._open.pop(key).handle.close()
