"""The errors of Candlewick, ordered by what to do next.

CandlewickError
 ├── ConfigurationError   a person must change something; the message says what
 ├── PoisonMessage        dead-letter the record and continue
 ├── ContractMismatch     code and data disagree: stop the process
 ├── RestartNeeded        this process cannot continue, a new one can: end it
 └── Transient            wait ``retry_after_s`` seconds, then try again
"""


class CandlewickError(Exception):
    """Base of all errors that Candlewick raises on purpose."""


class ConfigurationError(CandlewickError):
    """A setting, an argument or the machine is unfit; the message says what to change."""


class PoisonMessage(CandlewickError):  # noqa: N818 - the field's term
    """A record that will never be readable.

    Attributes:
        raw: The record's bytes, unchanged, for the dead-letter topic.
    """

    def __init__(self, message: str, *, raw: bytes) -> None:
        super().__init__(message)
        self.raw = raw


class ContractMismatch(CandlewickError):  # noqa: N818 - the field's term
    """Data with a contract that this version does not know, or a store of another version."""


class RestartNeeded(CandlewickError):  # noqa: N818 - what to do next
    """A client of this process is shut out or stuck for good: end it, so that a new one starts."""


class Transient(CandlewickError):  # noqa: N818 - the field's term
    """A remote system cannot answer now.

    Attributes:
        retry_after_s: Seconds to wait before trying again.
    """

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def how_to_add(extra: str) -> str:
    """Return the command that adds an optional dependency where the code is checked out.

    It names no package of an index: ours is in none, where somebody else could take its name.
    """
    return f".venv/bin/uv sync --frozen --inexact --extra {extra}"


def own_words(message: str) -> str:
    """Return the message of a validator of ours without what pydantic writes before it.

    >>> own_words("Value error, a price is a number")
    'a price is a number'
    """
    return message.removeprefix("Value error, ")
