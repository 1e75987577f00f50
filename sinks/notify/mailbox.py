"""What a target gets next: one event, or a summary of all that wait. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sinks.notify.plan import Limit, Target
from sinks.notify.quiet_hours import QuietHours
from sinks.notify.rules.rule import Severity
from sinks.notify.text import counted

MOST_LINES: Final = 5  # of a kind in a summary; the others are counted
MOST_TOGETHER: Final = 500
LONGEST_LINE: Final = 400
LONGEST_MESSAGE: Final = 32_768
UNSURE: Final = "(It may have been sent before: the answer to the first attempt was not seen.)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that a target has not got yet.

    Attributes:
        number: Place in the order in which events were raised.
        raised_ms: When it was raised, by the machine's clock.
        count: Number of events that it stands for.
        is_old: Whether it was too old when it was read.
        is_unsure: Whether an earlier attempt may have succeeded.
    """

    number: int
    rule: str
    severity: Severity
    view: str
    text: str
    raised_ms: int
    quiet: Literal["hold", "send", "drop"] = "hold"
    count: int = 1
    is_old: bool = False
    is_unsure: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is ready to be sent, and the numbers of its events."""

    title: str
    body: str
    severity: Severity
    numbers: tuple[int, ...] = ()


def next_message(
    target: Target,
    waiting: Sequence[Waiting],
    sent_ms: Sequence[int],
    *,
    now_ms: int,
    wall_ms: int,
    page: str = "",
    longest: int = LONGEST_MESSAGE,
) -> Message | None:
    """Return the next message of a target; None if nothing may be sent now.

    Args:
        target: Its limit and quiet hours.
        waiting: Its events, oldest first.
        sent_ms: When the last messages were sent, by our clock.
        now_ms: Our clock.
        wall_ms: The machine's clock, by which people have their quiet hours.
        page: Address of the page; empty for no link.
        longest: How many characters its title and body may have together.
    """
    quiet = target.quiet_hours
    is_quiet = quiet is not None and quiet.contains(wall_ms)
    ready = [one for one in waiting if one.quiet == "send" or not is_quiet][:MOST_TOGETHER]
    left = _left(target.limit, sent_ms, now_ms)
    if not ready or left <= 0:
        return None
    held, old, fresh = _sorted(ready, quiet)
    if held or old or len(fresh) > left or fresh[0].count > 1:
        return _summary(_headed(held, old, fresh, quiet), ready, page, longest)
    return _single(fresh[0], page, longest)


def _left(limit: Limit, sent_ms: Sequence[int], now_ms: int) -> int:
    since_ms = now_ms - int(limit.minutes * 60_000)
    # What is ahead was sent by an earlier process, whose clock was wrong.
    return limit.messages - sum(since_ms < at_ms <= now_ms for at_ms in sent_ms)


def _sorted(
    ready: Sequence[Waiting], quiet: QuietHours | None
) -> tuple[list[Waiting], list[Waiting], list[Waiting]]:
    """Return what the quiet hours held back, what is old, and the others."""
    held, old, fresh = [], [], []
    for one in ready:
        if one.is_old:
            old.append(one)
        elif one.quiet == "hold" and quiet is not None and quiet.contains(one.raised_ms):
            held.append(one)
        else:
            fresh.append(one)
    return held, old, fresh


def _headed(
    held: list[Waiting], old: list[Waiting], fresh: list[Waiting], quiet: QuietHours | None
) -> list[tuple[str, list[Waiting]]]:
    found = [
        (f"{_counted(held)} in the quiet hours, {quiet}:", held),
        (f"{_counted(old)} from before, while notifications were paused:", old),
        (f"{_counted(fresh)}:", fresh),
    ]
    return [(heading, ones) for heading, ones in found if ones]


def _summary(
    parts: list[tuple[str, list[Waiting]]], ready: Sequence[Waiting], page: str, longest: int
) -> Message:
    title = f"Candlewick: {_counted(ready)}"[: longest // 2]
    room = longest - len(title)
    ends = [UNSURE] * any(one.is_unsure for one in ready) + [page] * bool(page)
    for most in range(MOST_LINES, -1, -1):
        lines = [line for heading, ones in parts for line in (heading, *_lines(ones, most))]
        if len("\n".join(lines + ends)) <= room:
            break
    severities = {one.severity for one in ready}
    return Message(
        title,
        _fitted(lines + ends, room),
        "warning" if "warning" in severities else "info",
        tuple(one.number for one in ready),
    )


def _fitted(lines: list[str], room: int) -> str:
    """Return the lines that have room; of the first one at least the beginning."""
    text = lines[0][:room]
    for line in lines[1:]:
        if len(text) + 1 + len(line) <= room:
            text = f"{text}\n{line}"
    return text


def _lines(ones: list[Waiting], most: int) -> list[str]:
    single = [one for one in ones if one.count == 1][:most]
    lines = [f"- {one.text[:LONGEST_LINE]}" for one in single]
    more: Counter[str] = Counter()
    for one in ones:
        if one not in single:
            more[one.rule] += one.count
    if more:
        named = ", ".join(f"{count:,} {rule}" for rule, count in more.most_common())
        lines.append(f"and {more.total():,} more: {named}")
    return lines


def _single(one: Waiting, page: str, longest: int) -> Message:
    title = f"Candlewick: {one.rule}"[: longest // 2]
    lines = [one.text[:LONGEST_LINE]]
    lines += [UNSURE] * one.is_unsure
    lines += [f"{page.rstrip('/')}/#{one.view}"] * bool(page)
    return Message(title, _fitted(lines, longest - len(title)), one.severity, (one.number,))


def _counted(ones: Sequence[Waiting]) -> str:
    return counted(sum(one.count for one in ones), "event")
