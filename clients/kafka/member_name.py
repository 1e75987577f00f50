"""The static name of a process in its group: from its host, and never held twice.

Kafka gives a name to whoever joins last and shuts the other one out. Two processes that are started
again whenever they end would take it from each other for ever. So who finds the name in the hands
of another host, or was shut out itself before, waits until the name is free or refuses to start.
"""

import re
import socket
import time
from pathlib import Path
from typing import Final

from clients.kafka.group import GroupOffsets, Member
from clients.kafka.opening import SESSION_MS, client_id
from clients.watching.log import EventLog
from schemas.errors import ConfigurationError, Transient
from schemas.files import write_whole
from schemas.settings import KafkaSettings

_log: Final = EventLog(__name__)
_PATIENCE_S: Final = SESSION_MS / 1000 + 3.0  # a dead member has left its group by then
_LOOK_S: Final = 0.5
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]")  # Kafka allows these only


def name_on_this_host(role: str) -> str:
    """Return the name of a process that was given none: unique as long as the host's name is.

    In a container that is the container's id, in a StatefulSet the pod's name.
    """
    return _UNFIT.sub("-", f"{role}-{socket.gethostname()}")


class MemberName:
    """A static member name, before its process joins the group and after it was shut out.

    Args:
        kafka: Where the brokers are, and how to sign in.
        group: Consumer group.
        name: Static member name in it.
        folder: Data folder of the process; what was lost is noted there.
        patience_s: How long to wait for the name, in seconds.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        name: str,
        folder: Path,
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.name = name
        self._patience_s = patience_s
        self._group = group
        self._groups = GroupOffsets(kafka)
        self._note = folder / "members" / f"{group}.{_UNFIT.sub('-', name)}"

    def take(self) -> None:
        """Return when this process may join its group.

        Who had the name on this host before is taken to be dead, so that a process that is started
        again has its partitions back at once. Without an answer of Kafka nothing is known, and the
        join decides.

        Raises:
            ConfigurationError: Another process is alive under this name.
        """
        until_s = time.monotonic() + self._patience_s
        while (holder := self._holder()) is not None:
            if time.monotonic() > until_s:
                raise ConfigurationError(
                    f"the name {self.name} is in use in the group {self._group} by another process "
                    f"({holder.client} at {holder.host}): end that one, or start this one with "
                    "another name; a process that is given none takes one from its host"
                )
            time.sleep(_LOOK_S)
        self._note.unlink(missing_ok=True)

    def lost(self) -> None:
        """Note that this process was shut out of its group: the next one must not do it to others.

        It then waits for the name, even if nobody else has it.
        """
        try:
            self._note.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._note, "shut out\n")
        except OSError as error:  # the next one then takes the name back, and is told so
            _log.warning(
                "member_name_not_noted",
                "cannot note in {file} that the name was lost: {error}",
                file=self._note,
                error=error,
            )

    def _holder(self) -> Member | None:
        """Return who has the name and may be alive, None if nobody."""
        try:
            members = self._groups.members([self._group])[self._group]
        except Transient:
            return None
        mine = () if self._note.exists() else (client_id(self.name),)
        return next((m for m in members if m.static == self.name and m.client not in mine), None)
