"""A static member of aiokafka that notices when another process has taken its name.

aiokafka asks without its name whether it is still in the group. Kafka then answers that it does not
know the member, and aiokafka joins again, which shuts the other one out in its turn, for ever. With
the name the answer tells the two cases apart.

Source: https://kafka.apache.org/protocol#The_Messages_Heartbeat
"""

from collections.abc import Callable
from typing import Any, Final

from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.group import HeartbeatRequest, HeartbeatResponse_v1
from aiokafka.protocol.types import Int32, Schema, String

FENCED: Final = 82  # FENCED_INSTANCE_ID, which aiokafka does not know
_UNKNOWN_MEMBER: Final = 25


class NamedHeartbeatStruct(RequestStruct):  # type: ignore[misc] # the client is untyped
    """The first heartbeat that carries the static name; its answer is that of version 1."""

    API_KEY = HeartbeatRequest.API_KEY
    API_VERSION = 3
    RESPONSE_TYPE = HeartbeatResponse_v1
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class NamedHeartbeat(Request[NamedHeartbeatStruct]):  # type: ignore[misc] # likewise
    """A heartbeat of a static member."""

    API_KEY = HeartbeatRequest.API_KEY

    def __init__(self, coordinator: Any) -> None:  # noqa: ANN401 - aiokafka's, untyped
        self._fields = (
            coordinator.group_id,
            coordinator.generation,
            coordinator.member_id,
            coordinator._group_instance_id,  # noqa: SLF001 - it has no public name
        )

    def build(self, request_struct_class: type[NamedHeartbeatStruct]) -> NamedHeartbeatStruct:
        """Return the request as it is sent."""
        return request_struct_class(*self._fields)


def notice_fencing(coordinator: Any, fenced: Callable[[], None]) -> None:  # noqa: ANN401 - likewise
    """Have a coordinator call `fenced`, before it joins again, when its name was taken."""
    send = coordinator._send_req  # noqa: SLF001 - all its requests pass here

    async def named(request: Any) -> Any:  # noqa: ANN401 - any request
        if isinstance(request, HeartbeatRequest):
            request = NamedHeartbeat(coordinator)
        answer = await send(request)
        if _UNKNOWN_MEMBER in _codes(answer) and not isinstance(request, NamedHeartbeat):
            asked = await send(NamedHeartbeat(coordinator))
            if FENCED in _codes(asked):
                fenced()
        if FENCED in _codes(answer):
            fenced()
        return answer

    coordinator._send_req = named  # noqa: SLF001 - likewise


def _codes(answer: Any) -> set[int]:  # noqa: ANN401 - any answer
    """Return the error codes of an answer: its own, or of a commit those of the partitions."""
    code = getattr(answer, "error_code", None)
    if code is not None:
        return {code}
    return {place[-1] for _topic, places in getattr(answer, "topics", ()) for place in places}
