"""Command line of the producers: ``python -m producers stream|backfill|coins``."""

import asyncio
import logging
import signal
import sys

from producers.binance.rest import RestClient
from producers.coins import follow_coins
from producers.follow import Follower
from producers.keeping import keep_history
from producers.publish import Publisher
from producers.resume import read_past
from schemas.errors import CandlewickError, ConfigurationError
from schemas.settings import Settings, load_settings

log = logging.getLogger("producers")
COMMANDS = ("stream", "backfill", "coins")


def main() -> int:
    """Run the command of the arguments; returns the exit code."""
    try:
        _check_command(sys.argv[1:])
        settings = load_settings()
        _start_logging(settings.log_level)
        asyncio.run(_run(sys.argv[1], settings))
    except CandlewickError as error:
        sys.stderr.write(f"producers: {error}\n")
        return 1
    except BaseExceptionGroup as group:
        known, unknown = group.split(CandlewickError)
        if unknown is not None or known is None:
            raise
        sys.stderr.write(f"producers: {_first(known)}\n")
        return 1
    return 0


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
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")


async def _stream(settings: Settings) -> None:
    servers = settings.kafka.bootstrap_servers
    past = await asyncio.to_thread(read_past, servers, settings.symbols)
    known = sum(one.last_block is not None for one in past.values())
    log.info("%s of %s symbols have history", known, len(past))
    rest = RestClient(settings.binance.rest_url)
    try:
        await Follower(settings, Publisher(servers), rest).run(past)
    finally:
        await rest.close()


def _first(group: BaseExceptionGroup[CandlewickError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())
