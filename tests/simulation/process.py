"""A simulated process: it runs a step at a time, dies anywhere and is started again."""

import asyncio
from typing import TYPE_CHECKING

from schemas.errors import CandlewickError
from tests.simulation.loop import ProcessLoop

if TYPE_CHECKING:
    from tests.simulation.kafka import Session
    from tests.simulation.world import World


class Killed(BaseException):
    """The process is dead from here on."""


class Process:
    """A process that may be killed and started again.

    Attributes:
        until_ns: Until when it is stopped (SIGSTOP).
        starts_ns: When it is started again, if it is dead.
    """

    name = ""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.is_alive = False
        self.until_ns = 0
        self.starts_ns: int | None = 0

    def is_ready(self) -> bool:
        raise NotImplementedError

    def next_ns(self) -> int | None:
        raise NotImplementedError

    def run_one(self) -> None:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError


class LoopProcess(Process):
    """A process of coroutines: it dies between two callbacks, that is at an await."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.loop = ProcessLoop(world.clock)
        self.main: asyncio.Task[None] | None = None
        self.session: Session | None = None

    def is_ready(self) -> bool:
        return self.loop.is_ready()

    def next_ns(self) -> int | None:
        due_s = self.loop.next_s()
        return None if due_s is None else round(due_s * 1e9) + 1

    def run_one(self) -> None:
        self.loop.run_one()
        if self.main is not None and self.main.done():
            error = self.main.exception()
            if not isinstance(error, CandlewickError | BaseExceptionGroup):
                raise SystemExit(repr(error)) from error
            raise SystemExit(1)

    def start(self) -> None:
        self.loop = ProcessLoop(self.world.clock)
        self.is_alive = True
        asyncio._set_running_loop(self.loop)
        try:
            self.main = self.loop.create_task(self._main())
        finally:
            asyncio._set_running_loop(None)

    def kill(self) -> None:
        self.is_alive = False
        if self.session is not None:
            self.session.crash()
        self.session = self.main = None
        self.loop.kill()

    async def _main(self) -> None:
        raise NotImplementedError
