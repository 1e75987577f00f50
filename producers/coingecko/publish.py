"""Publisher of coins: their state every five minutes, and once a year of daily history."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from clients.clock import steady_ms, wall_ms
from clients.http import open_http
from clients.kafka.dead_letters import DeadLetters
from clients.kafka.followed_symbols import FollowedSymbols
from clients.kafka.reader import TopicReader
from clients.retry import TOLD_S, persistently
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from producers.bulk_publisher import BulkPublisher
from producers.coingecko.client import MOST_COINS, TIMEOUT_S, CoinGecko
from producers.coingecko.ids import coin_ids
from producers.dead_letters import Burial
from schemas import topics
from schemas.codecs import record_in
from schemas.coins import CoinDay
from schemas.dead_letters import Origin
from schemas.errors import PoisonMessage, Transient
from schemas.settings import CoinsSettings, KafkaSettings, Settings
from schemas.timeframe import DAY_MS

_log = EventLog(__name__)
READER: Final = "coins"
MOST_KNOWN: Final = 1_000
LOOK_S: Final = 5.0  # while no coin is wanted
PAUSE_S: Final = 2.5  # between two requests: the public tier allows 30 a minute


class Refusals:
    """Sends rows that are not usable to the dead-letter topic: the same fault has one letter."""

    def __init__(self, settings: Settings) -> None:
        self._letters = DeadLetters(settings.kafka, reader=READER)
        self._source = settings.coins.url
        self._known: set[str] = set()

    def bury(self, refused: list[PoisonMessage]) -> None:
        """Send the letters, and empty the list.

        Raises:
            Transient: Kafka does not take one now; it and those behind it stay in the list.
        """
        while refused:
            reason = str(refused[0])
            if reason not in self._known:
                origin = Origin(reason, reader=READER, source=self._source)
                self._letters.send(refused[0].raw, origin)
                _log.warning(
                    "coin_refused", "a row of CoinGecko is not used: {reason}", reason=reason
                )
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known.add(reason)
            del refused[0]


class CoinPublisher:
    """Publishes what CoinGecko says now: a history that cannot be had holds up nothing else.

    Args:
        gecko: Whom to ask.
        publisher: Takes the records.
        refusals: Takes the rows that are not usable.
        newest: Time of each coin's newest day in Kafka, by id; it grows.
        settings: How much history, and how often.
    """

    def __init__(
        self,
        gecko: CoinGecko,
        publisher: BulkPublisher,
        refusals: Refusals,
        newest: dict[str, int],
        settings: CoinsSettings,
    ) -> None:
        self._gecko = gecko
        self._publisher = publisher
        self._refusals = refusals
        self._newest = newest
        self._settings = settings
        self._asked = Counter[str]()
        self._histories_from_ms = 0

    async def publish(self, ids: Sequence[str]) -> None:
        """Publish the coins' state, then what is missing of their history; bury what is unusable.

        A history is asked for once. What is missing when the next state is due comes after it.

        Raises:
            ConfigurationError: CoinGecko rejects the key, or a topic is missing.
        """
        try:
            await self._publish_coins(ids)
        except Transient as error:
            self._retry(error)
        else:
            await self._publish_histories(ids)
        try:
            await asyncio.to_thread(self._refusals.bury, self._gecko.refused)
        except Transient as error:
            self._retry(error)

    async def _publish_coins(self, ids: Sequence[str]) -> None:
        fetched = 0
        for first in range(0, len(ids), MOST_COINS):
            if first:
                await asyncio.sleep(PAUSE_S)
            part = ids[first : first + MOST_COINS]
            coins = await persistently(partial(self._gecko.coins, part))
            for coin in coins:
                await self._publisher.record(topics.COINS, coin)
            fetched += len(coins)
        _log.info("coins_fetched", "{coins} of {wanted} coins", coins=fetched, wanted=len(ids))

    async def _publish_histories(self, ids: Sequence[str]) -> None:
        until_ms = steady_ms() + self._settings.every_s * 1000
        # One that is asked for again and again comes behind those that may soon be had.
        for coin_id in sorted(ids, key=lambda coin_id: self._asked[coin_id]):
            missing = self._missing_days(coin_id)
            if missing < 1:
                continue
            if not self._histories_from_ms <= steady_ms() < until_ms:
                return
            self._asked[coin_id] += 1
            try:
                await self._publish_days(coin_id, missing)
            except Transient as error:
                self._postpone(coin_id, error)
            await asyncio.sleep(PAUSE_S)

    def _postpone(self, coin_id: str, error: Transient) -> None:
        if error.retry_after_s > TOLD_S:  # that is a limit for all
            self._histories_from_ms = steady_ms() + int(error.retry_after_s * 1000)
        RETRIES.labels("coins").inc()
        _log.warning(
            "coin_history_retried",
            "the history of {coin_id} cannot be had now: {error}; it is asked for again later",
            coin_id=coin_id,
            error=error,
        )

    def _missing_days(self, coin_id: str) -> int:
        held_ms, most = self._newest.get(coin_id), self._settings.history_days
        return most if held_ms is None else min(most, (wall_ms() - held_ms) // DAY_MS)

    async def _publish_days(self, coin_id: str, missing: int) -> None:
        now_ms, held_ms = wall_ms(), self._newest.get(coin_id)
        days = await self._gecko.days(coin_id, missing)
        for day in days:
            is_whole = day.at_ms % DAY_MS == 0  # the last point is today's, not yet a whole day
            if is_whole and (held_ms is None or day.at_ms > held_ms):
                await self._publisher.record(topics.COIN_DAYS, day)
                self._newest[coin_id] = max(self._newest.get(coin_id, 0), day.at_ms)
        if not days:
            self._newest[coin_id] = now_ms
            _log.warning(
                "coin_history_missing", "CoinGecko has no history of {coin_id}", coin_id=coin_id
            )

    def _retry(self, error: Transient) -> None:
        RETRIES.labels("coins").inc()
        _log.warning(
            "coins_retried",
            "{error}; asking again within {every_s} s",
            error=error,
            every_s=self._settings.every_s,
        )


async def follow_coins(settings: Settings) -> None:
    """Publish the coins of all symbols again and again, until cancelled.

    Raises:
        ConfigurationError: CoinGecko rejects the key, or Kafka or a topic is missing.
    """
    followed = FollowedSymbols(settings, name="candlewick-coins-symbols")
    await asyncio.to_thread(followed.refresh)
    followed.watch()
    unknown: set[str] = set()
    kafka = settings.kafka
    newest = await asyncio.to_thread(_newest_days, kafka)
    async with (
        open_http(TIMEOUT_S) as http,
        BulkPublisher(kafka).serving() as publisher,
    ):
        gecko = CoinGecko(settings.coins, http)
        coins = CoinPublisher(gecko, publisher, Refusals(settings), newest, settings.coins)
        while True:
            names = followed.names
            ids = coin_ids(names, settings.coins.ids)
            for symbol in sorted(set(names) - set(ids) - unknown):
                _log.warning(
                    "coin_unknown",
                    "the CoinGecko id of {symbol} is unknown: set CANDLEWICK_COINS__IDS",
                    symbol=symbol,
                )
                unknown.add(symbol)
            wanted = list(dict.fromkeys(ids.values()))
            if not wanted:  # nobody has said yet which symbols a pattern stands for
                await asyncio.sleep(LOOK_S)
                continue
            due_ms = steady_ms() + settings.coins.every_s * 1000
            await coins.publish(wanted)
            await asyncio.sleep(max(PAUSE_S, (due_ms - steady_ms()) / 1000))


def _newest_days(kafka: KafkaSettings) -> dict[str, int]:
    newest: dict[str, int] = {}
    burial = Burial(kafka, reader=READER)
    with TopicReader(kafka, "candlewick-coins") as reader:
        for message in reader.new(topics.COIN_DAYS):
            try:
                day = record_in(CoinDay, message)
            except PoisonMessage as error:
                burial.bury(error, message)
                continue
            newest[day.coin_id] = max(newest.get(day.coin_id, 0), day.at_ms)
    return newest
