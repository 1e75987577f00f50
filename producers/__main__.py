"""Command line of the producers: ``python -m producers stream|backfill|coins``."""

import asyncio
import logging
import signal
import sys
import threading

from clients.kafka.followed_symbols import FollowedSymbols
from clients.process import GRACE_S, leave
from producers.binance.rest import RestClient
from producers.coingecko.publish import follow_coins
from producers.history.continuous import keep_history
from producers.trades.follower import Follower
from producers.trades.publisher import Publisher
from producers.trades.resume import read_past
from schemas.errors import CandlewickError, ConfigurationError, RestartNeeded
from schemas.settings import Settings, load_settings

log = logging.getLogger("producers")
COMMANDS = ("stream", "backfill", "coins")


def main() -> int:
    """Run the command that the arguments name, and return the exit code."""
    try:
        _check_command(sys.argv[1:])
        settings = load_settings()
        _start_logging(settings.log_level)
        asyncio.run(_run(sys.argv[1], settings))
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


def _check_command(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        raise ConfigurationError(f"usage: python -m producers {'|'.join(COMMANDS)}")


def _start_logging(level: str) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    for noisy in ("httpx", "httpcore", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


async def _run(command: str, settings: Settings) -> None:
    work = {"stream": _stream, "backfill": keep_history, "coins": follow_coins}[command]
    task = asyncio.ensure_future(work(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _end, task)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")


def _end(task: "asyncio.Future[None]") -> None:
    task.cancel()
    # Delivery has this much time; anything else that the task waits for ends with the process.
    late = threading.Timer(GRACE_S, leave, ["did not end in time after it was told to stop"])
    late.daemon = True
    late.start()


async def _stream(settings: Settings) -> None:
    servers = settings.kafka.bootstrap_servers
    followed = FollowedSymbols(settings, name="candlewick-stream")
    await asyncio.to_thread(followed.refresh)
    followed.watch()
    rest = RestClient(settings.binance.rest_url)
    try:
        follower = Follower(settings, Publisher(servers), rest, followed)
        past = await asyncio.to_thread(read_past, servers, follower.names)
        known = sum(one.last_block is not None for one in past.values())
        log.info("%s of %s symbols have history", known, len(past))
        await follower.run(past)
    finally:
        await rest.close()


def _first(group: BaseExceptionGroup[CandlewickError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())
