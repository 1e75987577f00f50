"""Faults of whole connections: cuts, silences and announced shutdowns."""

from collections.abc import Mapping
from typing import Final

from candlewick.exchange.faults.active import ActiveFaults, cuts
from candlewick.exchange.faults.faults import Cut, Lifetime, Shutdown, Silence
from candlewick.exchange.server.session import GOING_AWAY, OLD, Session

_REASON: Final = "server shutdown"
Joined = Mapping[Session, int]


def silent(arsenal: ActiveFaults, session: Session, joined_ms: int, at_ms: int) -> bool:
    """Return whether a connection, open since `joined_ms`, is silent at a moment."""
    return any(
        armed.during(at_ms)
        and joined_ms < armed.start_ms
        and armed.chooses(fault.probability, session.ordinal)
        for armed, fault in arsenal.of(Silence)
    )


def cut(arsenal: ActiveFaults, joined: Joined, after_ms: int, upto_ms: int) -> None:
    """Break the connections for which a cut is due."""
    for armed, fault in arsenal.of(Cut):
        due = cuts(armed, fault, after_ms, upto_ms)
        armed.hits += due
        for session in joined if due else ():
            if armed.chooses(fault.probability, session.ordinal, armed.hits):
                session.cut()


def shut_down(arsenal: ActiveFaults, joined: Joined, after_ms: int, upto_ms: int) -> None:
    """Announce the end of the connections that are older than the fault, then end them."""
    for armed, fault in arsenal.of(Shutdown):
        leaving = [session for session, since_ms in joined.items() if since_ms < armed.start_ms]
        if after_ms < armed.start_ms <= upto_ms:
            armed.hits += 1
            for session in leaving:
                session.announce_shutdown(armed.start_ms)
        if after_ms < armed.start_ms + fault.grace_ms <= upto_ms:
            for session in leaving:
                session.close(GOING_AWAY, _REASON)


def end(arsenal: ActiveFaults, joined: Joined, after_ms: int, upto_ms: int) -> None:
    """Close the connections that are older than the fault, as those that are 24 hours old."""
    for armed, _ in arsenal.of(Lifetime):
        if not after_ms < armed.start_ms <= upto_ms:
            continue
        armed.hits += 1
        for session, since_ms in joined.items():
            if since_ms < armed.start_ms:
                session.close(GOING_AWAY, OLD)
