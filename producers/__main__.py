"""``python -m producers stream | backfill | coins``: publish trades, the past, what coins are."""

import argparse
import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from clients.process import GRACE_S, leave
from clients.watching.begin import begin_watching
from clients.watching.log import EventLog
from schemas.errors import CandlewickError, RestartNeeded
from schemas.settings import Settings, load_settings

_log = EventLog("producers")
Work = Callable[[Settings], Coroutine[Any, Any, None]]
# Each is imported when it is asked for: Arrow alone takes 30 MB, which only the past needs.
COMMANDS = {
    "stream": ("producers.trades.stream", "follow_trades"),
    "backfill": ("producers.history.continuous", "keep_history"),
    "coins": ("producers.coingecko.publish", "follow_coins"),
}


def main() -> int:
    """Run the command that the arguments name, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m producers", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    command: str = parser.parse_args().command
    try:
        settings = load_settings()
        begin_watching(settings, command)
        asyncio.run(_run(command, settings))
    except CandlewickError as error:
        return _ended(error)
    except BaseExceptionGroup as group:
        known, unknown = group.split(CandlewickError)
        if unknown is not None or known is None:
            raise
        return _ended(_first(known))
    return 0


def _ended(error: BaseException) -> int:
    if isinstance(error, RestartNeeded):
        leave(str(error))
    sys.stderr.write(f"producers: {error}\n")
    return 1


async def _run(command: str, settings: Settings) -> None:
    module, name = COMMANDS[command]
    work: Work = getattr(import_module(module), name)
    task = asyncio.ensure_future(work(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _end, task)
    try:
        await task
    except asyncio.CancelledError:
        _log.info("process_stopped", "stopped")


def _end(task: "asyncio.Future[None]") -> None:
    task.cancel()
    # Delivery has this much time; anything else that the task waits for ends with the process.
    late = threading.Timer(GRACE_S, leave, ["did not end in time after it was told to stop"])
    late.daemon = True
    late.start()


def _first(group: BaseExceptionGroup[CandlewickError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())
