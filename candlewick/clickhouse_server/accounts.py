"""The server's accounts: a writer and an optional reader, with ClickHouse's ways to log in."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from candlewick.clickhouse_server.errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, refused
from schemas.errors import ConfigurationError

PREFIX = "CANDLEWICK_CLICKHOUSE__"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the server; `may_write` is false for the read-only one."""

    name: str
    password: str
    may_write: bool


@dataclass(frozen=True, slots=True)
class Accounts:
    """All accounts of the server."""

    known: tuple[Account, ...]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Accounts":
        """Read the writer and, if it is set, the reader from environment variables.

        Raises:
            ConfigurationError: A name or password is missing, or both names are the same.
        """
        writer = _account(environment, "USER", "PASSWORD", may_write=True)
        reader = _account(environment, "READER_USER", "READER_PASSWORD", may_write=False)
        if writer is None:
            raise ConfigurationError(
                f"set {PREFIX}USER and {PREFIX}PASSWORD: there is no default password"
            )
        if reader is not None and reader.name == writer.name:
            raise ConfigurationError(f"{PREFIX}READER_USER must differ from {PREFIX}USER")
        return cls(tuple(account for account in (writer, reader) if account is not None))

    def recognise(self, headers: Mapping[str, str], parameters: Mapping[str, str]) -> Account:
        """Return the account whose name and password the request carries.

        Raises:
            QueryError: There are no credentials (194), or wrong ones or two kinds at once (516).

        Source: ClickHouse, docs/interfaces/http, "user and password".
        """
        name, password = _credentials(headers, parameters)
        for account in self.known:
            same_name = hmac.compare_digest(account.name.encode(), name.encode())
            if same_name and hmac.compare_digest(account.password.encode(), password.encode()):
                return account
        raise refused(
            AUTHENTICATION_FAILED,
            f"{name}: Authentication failed: wrong password, or there is no such user.",
        )


def _account(
    environment: Mapping[str, str], user: str, password: str, *, may_write: bool
) -> Account | None:
    name, secret = environment.get(PREFIX + user, ""), environment.get(PREFIX + password, "")
    if not name and not secret:
        return None
    if not name or not secret:
        raise ConfigurationError(
            f"set both {PREFIX}{user} and {PREFIX}{password}: neither has a default"
        )
    return Account(name, secret, may_write)


def _credentials(headers: Mapping[str, str], parameters: Mapping[str, str]) -> tuple[str, str]:
    offered = [
        found
        for found in (
            _basic(headers.get("authorization")),
            _pair(headers, "x-clickhouse-user", "x-clickhouse-key"),
            _pair(parameters, "user", "password"),
        )
        if found is not None
    ]
    if not offered:
        raise refused(REQUIRED_PASSWORD, "Give a user and a password (Basic, headers or URL).")
    if len(offered) > 1:
        raise refused(AUTHENTICATION_FAILED, "Give credentials one way only, not several at once.")
    return offered[0]


def _pair(source: Mapping[str, str], user: str, password: str) -> tuple[str, str] | None:
    if user not in source and password not in source:
        return None
    return source.get(user, "default"), source.get(password, "")


def _basic(header: str | None) -> tuple[str, str] | None:
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise refused(AUTHENTICATION_FAILED, "Only Basic authorization is understood.")
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refused(AUTHENTICATION_FAILED, "The authorization header is not Basic.") from error
    return name, password
