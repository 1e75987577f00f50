"""Sends one message to one target through apprise; no address leaves this module.

apprise knows only success and failure, and writes the reason to its log, sometimes beside the
address. So its log goes nowhere; of the lines of a failed call only a known kind of reason and the
status of an answer are read. A failure is sure where they show that the target refused, or that
there was no connection. Whatever else went wrong, the target may have taken the message.
"""

import logging
import re
import warnings
from functools import cache
from typing import Any, Final

import urllib3

from clients.limits import within
from clients.proxies import keep_loopback_direct
from schemas.errors import ConfigurationError, Transient
from sinks.notify.mailbox import Message
from sinks.notify.plan import Target

SEND_S: Final = 30.0
_BETWEEN: Final = 2  # characters that apprise puts between title and body
_STATUS: Final = re.compile(r"\berror=([1-5][0-9]{2})\b")
_FROM_A_GATEWAY: Final = ("502", "504")  # it does not know what the target behind it did
_CAUSE: Final = "Socket Exception"  # begins the line that has a library's own error
_NOT_CONNECTED: Final = re.compile(
    r"Failed to establish a new connection|Failed to resolve|ConnectTimeoutError"
    r"|Connection refused|Name or service not known|Temporary failure in name resolution"
)
_MAIL_REFUSED: Final = re.compile(r"\([45][0-9]{2}, b['\"]")  # smtplib's code and text
_KINDS: Final = (  # words of apprise, and ours
    ("onnection error", "it does not answer, or refuses the connection"),
    ("ommunication error", "it does not answer, or refuses the connection"),
    ("ending email", "the mail server did not say that it took it"),
    ("there were not", "it names no receiver"),
    ("timed out", "it did not answer in time"),
    ("did not finish within", "it did not answer in time"),
)
# Libraries below apprise that name addresses in their own logs.
_SILENT: Final = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib", "markdown")


class NotSent(Transient):
    """A target did not take a message; the message says why, without the address.

    Attributes:
        is_unsure: Whether it may have taken it all the same.
    """

    def __init__(self, message: str, *, is_unsure: bool = False) -> None:
        super().__init__(message)
        self.is_unsure = is_unsure


def check_address(target: Target) -> None:
    """Check that apprise understands an address, and that it has one receiver; nothing is sent.

    The first call loads apprise: make it before threads send.

    Raises:
        ConfigurationError: It does not, or has several.
    """
    # apprise tells one outcome for all: one bad receiver would repeat each message to the others.
    if _receivers(_service(target)) > 1:
        raise ConfigurationError(
            f"the address of target {target.name} has several receivers: write one target for "
            "each, with an address of its own, also for those of cc and bcc"
        )


def longest(target: Target) -> int:
    """Return how many characters the service of a target takes, title and body together.

    A longer message would be refused again and again. Where text is turned into markup half of
    what the service takes is left for it.

    Raises:
        ConfigurationError: apprise does not understand the address.
    """
    service = _service(target)
    has_markup = service.resolve_format("text").value != "text"
    return int(service.body_maxlen) // (2 if has_markup else 1) - _BETWEEN


def send(target: Target, message: Message) -> None:
    """Send a message, within `SEND_S` for the whole call.

    Raises:
        NotSent: The target did not take it; try again later.
        ConfigurationError: apprise does not understand the address.
    """
    try:
        within(SEND_S, f"target {target.name}", lambda: _send(target, message))
    except NotSent:
        raise
    except Transient as error:
        raise NotSent(str(error), is_unsure=True) from None


def _send(target: Target, message: Message) -> None:
    library, service = _library(), _service(target)
    calls = library.Apprise(asset=service.asset)
    calls.add(service)
    try:
        result = calls.notify(
            message.body,
            message.title,
            notify_type=message.severity,
            body_format="text",
            log_level=logging.DEBUG,
        )
        entries = [(entry.level, entry.message) for entry in result.logs()]
        is_done = bool(result.results) and all(bool(one) for one in result.results)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may show the address
        why = f"{target.name}: {type(error).__name__} in apprise"
        raise NotSent(why, is_unsure=True) from None
    if not is_done:
        said = [line for level, line in entries if level in {"WARNING", "ERROR"}]
        causes = [line for _, line in entries if line.startswith(_CAUSE)]
        is_unsure = not _is_sure(said, causes)
        raise NotSent(f"{target.name}: {_reason(said, causes)}", is_unsure=is_unsure)


def _service(target: Target) -> Any:  # noqa: ANN401 - apprise's own class
    library = _library()
    asset = library.AppriseAsset(
        app_id="Candlewick",
        app_desc="Candlewick",
        app_url="",
        storage_mode=library.PersistentStoreMode.MEMORY,
        service_timeout=SEND_S,
        interpret_emojis=False,
    )
    try:
        found = library.Apprise.instantiate(target.url.get_secret_value(), asset=asset)
    except Exception as error:  # noqa: BLE001 - its text may show the address
        raise ConfigurationError(
            f"apprise cannot read the address of target {target.name}: {type(error).__name__}"
        ) from None
    if found is None:
        raise ConfigurationError(
            f"the address of target {target.name} is not one that apprise {library.__version__} "
            "understands: compare it with the examples in docs/notifications.md"
        )
    # apprise's own 4 s would end calls that succeed; for mail the first one is for every answer.
    found.socket_connect_timeout = found.socket_read_timeout = SEND_S
    found.retry = 0  # its own attempts would not say that they repeat a message
    return found


def _receivers(service: Any) -> int:  # noqa: ANN401 - apprise's own class
    held = getattr(service, "targets", None)  # a few services send to all of them in one call
    together = len(held) if isinstance(held, list | tuple | set) else 1
    copies = sum(len(getattr(service, name, None) or ()) for name in ("cc", "bcc"))
    return max(len(service), together) + copies


def _is_sure(said: list[str], causes: list[str]) -> bool:
    """Tell whether the target has certainly not taken the message."""
    statuses = [status[1] for line in said for status in _STATUS.finditer(line)]
    if any(status in _FROM_A_GATEWAY for status in statuses):
        return False
    is_told = bool(statuses or causes)
    return is_told and all(_NOT_CONNECTED.search(c) or _MAIL_REFUSED.search(c) for c in causes)


def _reason(said: list[str], causes: list[str]) -> str:
    for line in said:
        if status := _STATUS.search(line):
            return f"it answered with status {status[1]}"
    if any(_MAIL_REFUSED.search(cause) for cause in causes):
        return "the mail server refuses it"
    for line in said:
        for words, meaning in _KINDS:
            if words in line:
                return meaning
    return "it did not take the message"


@cache
def _library() -> Any:  # noqa: ANN401 - a module
    """Import apprise when it is first needed: it takes half a second and 30 MB."""
    for name in _SILENT:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    # The causes of failures are told at this level, to the caller alone.
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    import apprise  # noqa: PLC0415 - see above

    with warnings.catch_warnings():  # of parts of apprise that are loaded with the first address
        warnings.simplefilter("ignore")
        apprise.Apprise.instantiate("json://localhost")
    warnings.simplefilter("ignore", urllib3.exceptions.HTTPWarning)  # they name the host
    keep_loopback_direct()
    return apprise
