"""The simulated exchange's own paths, for faults and the market's clock."""

from collections.abc import Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from candlewick.exchange.faults.active import TRADING, ActiveFaults, Armed
from candlewick.exchange.faults.faults import FAULT, Fault, Halt, ResetIds
from candlewick.exchange.faults.parsing import fault_of
from candlewick.exchange.market.changes import Change
from candlewick.exchange.market.clock import MarketClock
from candlewick.exchange.market.intervals import DAY_MS, MINUTE_MS
from candlewick.exchange.market.source import Market
from candlewick.exchange.server.history import next_agg_id
from candlewick.exchange.streams.feed import EVENT_DELAY_MS

_MOST_SPEED = 100_000.0
_MOST_ADVANCE_MS = 3_660 * DAY_MS


class Admin:
    """Arms and removes faults, and moves the clock."""

    def __init__(
        self,
        clock: MarketClock,
        market: Market,
        arsenal: ActiveFaults,
        about: Callable[[], dict[str, object]],
        keep: Callable[[Change], None],
    ) -> None:
        self._clock = clock
        self._market = market
        self._arsenal = arsenal
        self._about = about
        self._keep = keep

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [
            Route("/admin/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/admin/faults/schema", self._schema),
            Route("/admin/market", self._state, methods=["GET", "POST"]),
        ]

    def arm(self, fault: Fault) -> dict[str, object]:
        """Arm a fault and return it as the endpoint shows it.

        Raises:
            ValueError: A halt or a reset is of no traded symbol, or after the end of the market.
        """
        armed = self._arsenal.arm(fault, self._clock.now_ms())
        if isinstance(fault, Halt | ResetIds):
            try:
                self._change(fault, armed)
            except ValueError:
                self._arsenal.disarm(armed.number)
                raise
        return armed.shown()

    def _change(self, fault: Halt | ResetIds, armed: Armed) -> None:
        if fault.symbol not in self._market:
            raise ValueError(f"not a fault: symbol {fault.symbol} is not traded here")
        # Minutes that a client may have seen stay: the change begins with the next one.
        first = max(armed.start_ms, self._clock.now_ms() + 1) // MINUTE_MS + 1
        if first >= self._market[fault.symbol].end_minute:
            raise ValueError("not a fault: it begins after the end of the market: start it earlier")
        armed.start_ms = first * MINUTE_MS
        end, status = first, TRADING
        if isinstance(fault, Halt):
            end, status = first + fault.minutes, fault.status
            armed.end_ms = end * MINUTE_MS
        change = Change(fault.kind, fault.symbol, first, end, status)
        change.apply(self._market, self._clock.now_ms)
        self._arsenal.stop(fault.symbol, armed.start_ms, armed.end_ms, status)
        self._keep(change)

    async def _faults(self, request: Request) -> Response:
        if request.method == "GET":
            return _json({"faults": [armed.shown() for armed in self._arsenal.all()]})
        if request.method == "DELETE":
            number = request.query_params.get("id")
            if number is not None and not (number.isascii() and number.isdigit()):
                return _json({"error": "id is not a number: send that of a fault, or none"}, 400)
            gone = self._arsenal.disarm(None if number is None else int(number))
            return _json({"removed": gone})
        try:
            return _json(self.arm(fault_of(orjson.loads(await request.body()))), 201)
        except ValueError as error:
            return _json({"error": str(error)}, 400)

    async def _schema(self, _: Request) -> Response:
        return _json(FAULT.json_schema())

    async def _state(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._move(orjson.loads(await request.body()))
            except (TypeError, ValueError) as error:
                return _json({"error": str(error)}, 400)
        now_ms = self._clock.now_ms()
        visible_ms = now_ms - EVENT_DELAY_MS
        heads = {
            name: {"next_agg_id": next_agg_id(source, visible_ms + 1)}
            for name, source in self._market.items()
        }
        state = {"now_ms": now_ms, "speed": self._clock.speed, "symbols": heads}
        return _json(state | self._about())

    def _move(self, wanted: object) -> None:
        if not isinstance(wanted, dict):
            raise TypeError('not an object: send speed or advance_ms, as {"speed": 1}')
        unknown = set(wanted) - {"speed", "advance_ms"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; send speed or advance_ms")
        if not 0 <= wanted.get("speed", 0) <= _MOST_SPEED:
            raise ValueError(f"speed is 0 to {_MOST_SPEED:g}")
        if not 0 <= wanted.get("advance_ms", 0) <= _MOST_ADVANCE_MS:
            raise ValueError(f"advance_ms is 0 to {_MOST_ADVANCE_MS}: advance in steps")
        if "speed" in wanted:
            self._clock.set_speed(float(wanted["speed"]))
        self._clock.advance(int(wanted.get("advance_ms", 0)))


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
