"""What goes wrong in a schedule: how likely each thing is, and which faults may come when."""

import random
from dataclasses import dataclass, fields


@dataclass(slots=True)
class Odds:
    """How likely each thing is, each time that it could happen."""

    kill: float = 0.0  # of each process, at each of its steps
    pause: float = 0.0
    broker_away: float = 0.0
    store_away: float = 0.0
    rest_away: float = 0.0
    cut: float = 0.0
    leap: float = 0.0
    wall: float = 0.0
    connect_fails: float = 0.0
    rest_fails: float = 0.0
    rest_lags: float = 0.0
    frame_drops: float = 0.0
    frame_doubles: float = 0.0
    frame_delays: float = 0.0
    send_fails: float = 0.0
    send_doubles: float = 0.0
    commit_fails: float = 0.0
    insert_fails: float = 0.0
    slow: float = 0.0

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        for field in fields(self):
            setattr(self, field.name, 0.0)


_HIGHEST = Odds(
    kill=0.01, pause=0.0005, broker_away=0.0003, store_away=0.0003, rest_away=0.0003,
    cut=0.002, leap=0.0001, wall=0.0002, connect_fails=0.5, rest_fails=0.5, rest_lags=0.7,
    frame_drops=0.4, frame_doubles=0.5, frame_delays=0.5, send_fails=0.3, send_doubles=0.1,
    commit_fails=0.3, insert_fails=0.3, slow=0.6,
)  # fmt: skip


def drawn(rng: random.Random) -> Odds:
    """Return odds of which about half are zero: a schedule with few kinds of faults gets further.

    Source: Groce et al. (2012), "Swarm testing", ISSTA.
    """
    odds = Odds()
    for field in fields(Odds):
        if rng.random() < 0.5:
            setattr(odds, field.name, getattr(_HIGHEST, field.name) * rng.random() ** 2)
    odds.kill = _HIGHEST.kill * rng.random() ** 2
    return odds
