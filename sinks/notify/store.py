"""The memory of notifications: one SQLite file, in which a step is stored whole or not at all.

It has the position in each topic, what rules remember, the ids of all events that were raised, and
the events that still wait for a target.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import ConfigurationError, RestartNeeded
from sinks.notify.mailbox import Waiting

MOST_IDS: Final = 200_000
MOST_WAITING: Final = 1_000  # of a target; further ones are counted by rule
_PRUNE_EVERY: Final = 1_000
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS positions (
    topic TEXT, partition INTEGER, topic_id TEXT, next_offset INTEGER,
    PRIMARY KEY (topic, partition)
);
CREATE TABLE IF NOT EXISTS notes (
    rule TEXT, fingerprint TEXT, key TEXT, note TEXT, PRIMARY KEY (rule, key)
);
CREATE TABLE IF NOT EXISTS raised (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS cooldowns (
    rule TEXT, symbol TEXT, until_ms INTEGER, more INTEGER, text TEXT, PRIMARY KEY (rule, symbol)
);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT, rule TEXT, severity TEXT, view TEXT,
    text TEXT, raised_ms INTEGER, quiet TEXT, count INTEGER, is_old INTEGER, is_unsure INTEGER
);
CREATE INDEX IF NOT EXISTS waiting_of_target ON waiting (target, number);
CREATE TABLE IF NOT EXISTS sent (target TEXT, at_ms INTEGER);
CREATE TABLE IF NOT EXISTS markets (topic_id TEXT PRIMARY KEY, at_ms INTEGER);
"""
_OF_TARGET: Final = """
SELECT number, rule, severity, view, text, raised_ms, quiet, count, is_old, is_unsure
FROM waiting WHERE target = ? ORDER BY number
"""


class Store:
    """The file, held by one process at a time; use it from one thread."""

    def __init__(self, path: Path) -> None:
        """Open the file, and make it if it is missing.

        Raises:
            ConfigurationError: Another process has it, it cannot be opened, or it is not what it
                should be.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=0.5, isolation_level=None)
        except (OSError, sqlite3.OperationalError) as error:
            raise _unusable(path, error) from error
        try:
            # Exclusive: a second process would send everything twice.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
        except sqlite3.OperationalError as error:
            self._base.close()
            raise _unusable(path, error) from error
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise ConfigurationError(
                f"{path} is broken ({error}): remove it; notifications then begin with new events"
            ) from error

    def close(self) -> None:
        """Let the file go."""
        self._base.close()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Store all changes of the block together, or none of them.

        Raises:
            RestartNeeded: The file cannot be written: what is in memory is no longer true.
        """
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            raise RestartNeeded(f"{self.path} cannot be written: {error}") from error

    def positions(self) -> dict[tuple[str, int], tuple[str, int]]:
        """Return the topic's id and the next offset of each topic and partition."""
        rows = self._base.execute("SELECT topic, partition, topic_id, next_offset FROM positions")
        return {(topic, number): (topic_id, at) for topic, number, topic_id, at in rows}

    def go_to(self, topic: str, partition: int, topic_id: str, next_offset: int) -> None:
        """Note the offset to read next."""
        self._base.execute(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)",
            (topic, partition, topic_id, next_offset),
        )

    def market_ms(self, topic_id: str) -> int:
        """Return the market's clock as a topic of candles showed it; 0 if it is not known."""
        found = self._base.execute(
            "SELECT at_ms FROM markets WHERE topic_id = ?", (topic_id,)
        ).fetchone()
        return 0 if found is None else int(found[0])

    def set_market(self, topic_id: str, at_ms: int) -> None:
        """Note the market's clock; that of a topic which was deleted is forgotten."""
        self._base.execute("DELETE FROM markets WHERE topic_id != ?", (topic_id,))
        self._base.execute("INSERT OR REPLACE INTO markets VALUES (?, ?)", (topic_id, at_ms))

    def notes(self, rule: str, fingerprint: str) -> dict[str, str]:
        """Return the notes of a rule; those of another condition of that name are forgotten."""
        self._base.execute(
            "DELETE FROM notes WHERE rule = ? AND fingerprint != ?", (rule, fingerprint)
        )
        rows = self._base.execute("SELECT key, note FROM notes WHERE rule = ?", (rule,))
        return dict(rows.fetchall())

    def write_note(self, rule: str, fingerprint: str, key: str, note: str | None) -> None:
        """Write a note; None removes it."""
        if note is None:
            self._base.execute("DELETE FROM notes WHERE rule = ? AND key = ?", (rule, key))
        else:
            row = (rule, fingerprint, key, note)
            self._base.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", row)

    def is_new(self, event_id: str) -> bool:
        """Remember the id of an event; False if it is known."""
        done = self._base.execute("INSERT OR IGNORE INTO raised (id) VALUES (?)", (event_id,))
        if done.rowcount and (done.lastrowid or 0) % _PRUNE_EVERY == 0:
            oldest = (done.lastrowid or 0) - MOST_IDS
            self._base.execute("DELETE FROM raised WHERE number <= ?", (oldest,))
        return bool(done.rowcount)

    def cooldown(self, rule: str, symbol: str) -> int | None:
        """Return until when further events are only counted; None if they are not."""
        found = self._base.execute(
            "SELECT until_ms FROM cooldowns WHERE rule = ? AND symbol = ?", (rule, symbol)
        ).fetchone()
        return None if found is None else int(found[0])

    def begin_cooldown(self, rule: str, symbol: str, until_ms: int) -> None:
        """Only count further events until then."""
        row = (rule, symbol, until_ms, 0, "")
        self._base.execute("INSERT OR REPLACE INTO cooldowns VALUES (?, ?, ?, ?, ?)", row)

    def limit_cooldowns(self, rule: str, until_ms: int) -> None:
        """Let no cooldown of a rule last longer than until then."""
        self._base.execute(
            "UPDATE cooldowns SET until_ms = ? WHERE rule = ? AND until_ms > ?",
            (until_ms, rule, until_ms),
        )

    def count_in_cooldown(self, rule: str, symbol: str, text: str) -> None:
        """Count one event more."""
        self._base.execute(
            "UPDATE cooldowns SET more = more + 1, text = ? WHERE rule = ? AND symbol = ?",
            (text, rule, symbol),
        )

    def end_cooldowns(self, now_ms: int) -> list[tuple[str, str, int, str]]:
        """End those that are over; return rule, symbol, number of events and the last text."""
        rows = self._base.execute(
            "DELETE FROM cooldowns WHERE until_ms <= ? RETURNING rule, symbol, more, text",
            (now_ms,),
        )
        return [row for row in rows.fetchall() if row[2]]

    def add(self, target: str, event: Waiting) -> None:
        """Let an event wait for a target; where very many wait, only count it by rule."""
        (count,) = self._base.execute(
            "SELECT count() FROM waiting WHERE target = ?", (target,)
        ).fetchone()
        if count >= MOST_WAITING:
            done = self._base.execute(
                "UPDATE waiting SET count = count + ?, text = ? WHERE number = ("
                "SELECT max(number) FROM waiting WHERE target = ? AND rule = ? AND is_unsure = 0)",
                (event.count, event.text, target, event.rule),
            )
            if done.rowcount:
                return
        self._base.execute(
            "INSERT INTO waiting (target, rule, severity, view, text, raised_ms, quiet, count,"
            " is_old, is_unsure) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (target, event.rule, event.severity, event.view, event.text, event.raised_ms,
             event.quiet, event.count, event.is_old, event.is_unsure),
        )  # fmt: skip

    def waiting(self, target: str) -> list[Waiting]:
        """Return the events that wait for a target, oldest first."""
        rows = self._base.execute(_OF_TARGET, (target,)).fetchall()
        return [Waiting(*row[:-2], *map(bool, row[-2:])) for row in rows]

    def count(self, target: str) -> int:
        """Return how many events wait for a target."""
        found = self._base.execute(
            "SELECT ifnull(sum(count), 0) FROM waiting WHERE target = ?", (target,)
        )
        return int(found.fetchone()[0])

    def mark_unsure(self, numbers: Sequence[int], *, is_unsure: bool) -> None:
        """Note that an attempt may succeed unseen, or that it did not."""
        self._base.executemany(
            "UPDATE waiting SET is_unsure = ? WHERE number = ?",
            [(is_unsure, number) for number in numbers],
        )

    def done(self, target: str, numbers: Sequence[int], now_ms: int, kept_ms: int) -> None:
        """Remove events that were sent, and note when; moments too long ago are forgotten.

        So are those ahead, of an earlier process whose clock was wrong.
        """
        self._base.executemany("DELETE FROM waiting WHERE number = ?", [(n,) for n in numbers])
        self._base.execute("INSERT INTO sent VALUES (?, ?)", (target, now_ms))
        self._base.execute(
            "DELETE FROM sent WHERE target = ? AND (at_ms <= ? OR at_ms > ?)",
            (target, now_ms - kept_ms, now_ms),
        )

    def sent(self, target: str) -> list[int]:
        """Return when the last messages were sent to a target."""
        rows = self._base.execute("SELECT at_ms FROM sent WHERE target = ?", (target,))
        return [at_ms for (at_ms,) in rows]

    def forget(self, targets: Sequence[str], rules: Sequence[str]) -> list[tuple[str, int]]:
        """Forget targets and rules that are no longer in the rules file.

        Returns:
            The targets that had events waiting, and how many.
        """
        gone = [
            (target, count)
            for target, count in self._base.execute(
                "SELECT target, sum(count) FROM waiting GROUP BY target"
            )
            if target not in targets
        ]
        for target, _ in gone:
            self._base.execute("DELETE FROM waiting WHERE target = ?", (target,))
        kept = set(rules)
        for (rule,) in self._base.execute("SELECT DISTINCT rule FROM notes").fetchall():
            if rule not in kept:
                self._base.execute("DELETE FROM notes WHERE rule = ?", (rule,))
        return gone


def _unusable(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"{path} cannot be used ({error}): end the other `candlewick notify` that uses it, "
        "or make room and make it writable"
    )
