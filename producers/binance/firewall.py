"""Answers that are not the exchange's own: a firewall's, or a refusal of the place we ask from."""

from typing import Final

from clients.clock import wall_ms
from clients.retry import doubled
from clients.retry_after import until
from clients.watching.log import EventLog
from schemas.errors import Transient

_log = EventLog(__name__)
FORBIDDEN: Final = 403
RESTRICTED: Final = 451
NOT_FOUND: Final = 404
FIRST_S: Final = 120.0
LONGEST_S: Final = 1_800.0
_ERROR_OF_A_SERVER: Final = 500
_SHOWN: Final = 120


class Firewall:
    """Tells such answers, and how long to stay away: minutes, longer each time.

    Source: binance-spot-api-docs, rest-api.md, "HTTP Return Codes": 403 is a web application
    firewall. 451 is what it says to countries that it does not serve.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._times = 0

    def judge(self, status: int, body: bytes) -> Transient | None:
        """Return the error of such an answer; None if the exchange itself has answered."""
        is_own = status == NOT_FOUND or status >= _ERROR_OF_A_SERVER
        is_page = body.lstrip()[:1] == b"<" and not is_own
        if status not in {FORBIDDEN, RESTRICTED} and not is_page:
            if status < _ERROR_OF_A_SERVER:
                self._times = 0
            return None
        wait_s = doubled(FIRST_S, self._times, LONGEST_S)
        self._times += 1
        error = Transient(
            f"{self._url} {_meaning(status)}; asking again at {until(wait_s, wall_ms())}",
            retry_after_s=wait_s,
        )
        _log.warning(
            "exchange_refuses_address",
            "{error} ({answer})",
            error=error,
            answer=body[:_SHOWN].decode(errors="replace"),
        )
        return error


def _meaning(status: int) -> str:
    if status == RESTRICTED:
        return (
            "does not serve this place (451): set HTTPS_PROXY to a proxy elsewhere, or "
            "CANDLEWICK_BINANCE__REST_URL to an address that does"
        )
    if status == FORBIDDEN:
        return (
            "is behind a firewall that refuses us (403): wait, or set HTTPS_PROXY or "
            "CANDLEWICK_BINANCE__REST_URL to another way"
        )
    return (
        f"answered {status} with a web page: a proxy or firewall on the way answers in its place; "
        "check the network, HTTPS_PROXY and CANDLEWICK_BINANCE__REST_URL"
    )
