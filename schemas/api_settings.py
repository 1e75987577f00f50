"""Settings of the API and of its health check."""

from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from schemas.setting_groups import Group
from schemas.setting_types import (
    Host,
    OptionalDatabaseUrl,
    OptionalFile,
    Origins,
    RootPath,
    Seconds,
)


def is_address(host: str) -> bool:
    """Check whether ``host`` is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Check whether only this machine can reach a server that listens on ``host``."""
    return ip_address(host).is_loopback if is_address(host) else host.lower() == "localhost"


class ApiSettings(Group):
    """Address, sign-in, limits and live stream of the API."""

    host: Host = Field("127.0.0.1", description="Address that the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the API listens on.")
    certificate: OptionalFile = Field(
        None,
        description="PEM file with the certificate and its chain; turns HTTPS on. Required to "
        "listen beyond this machine, unless a proxy does TLS.",
    )
    key: OptionalFile = Field(None, description="PEM file with the certificate's private key.")
    tls_by_proxy: bool = Field(
        default=False,
        validate_default=True,
        description="A proxy in front does TLS, and other machines reach the API only through it: "
        "the API may then listen beyond this machine without a certificate.",
    )
    origins: Annotated[Origins, NoDecode] = Field(
        (),
        description="Origins whose pages may read the API in a browser, comma-separated, for "
        "example `https://example.com`; `*` for all. Empty: only the stack's own page.",
    )
    root_path: RootPath = Field(
        "",
        description="Path under which a proxy serves the API, for example `/candlewick`; the proxy "
        "removes it.",
    )
    public_read: bool = Field(
        default=True, description="Market data may be read without signing in."
    )
    users_url: OptionalDatabaseUrl = Field(
        None,
        description="SQLAlchemy URL of the users' database. If not set: a SQLite file in the data "
        "folder.",
    )
    token_minutes: int = Field(60, ge=1, le=1440, description="Minutes that a token is valid.")
    key_days: int = Field(
        30, ge=1, le=365, description="Days until a key that signs tokens is replaced."
    )
    login_attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="Wrong passwords for one user before an address must wait for that user; four "
        "times as many over all users. A sign-in in the last 12 hours exempts the address.",
    )
    login_wait_s: int = Field(
        300, ge=1, le=86_400, description="Seconds that such an address waits."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses or networks of proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are trusted, comma separated: 10.0.0.5,172.16.0.0/12.",
    )
    body_bytes: int = Field(
        1_048_576, ge=1024, le=1 << 30, description="Largest request body, in bytes."
    )
    request_s: float = Field(
        30.0, ge=1, le=3600, description="Seconds that a request may take from first to last byte."
    )
    requests_per_minute: int = Field(
        6_000,
        ge=0,
        le=1_000_000,
        description="Requests a minute from one address, and from one user; more get 429. 0 sets "
        "no limit. The live stream and the page's files do not count.",
    )
    heavy_requests: int = Field(
        2,
        ge=1,
        le=24,
        description="Answers that are prepared at once, of those of more than 5,000 rows, over "
        "more than a month, or over the whole past of all symbols.",
    )
    page_rows: int = Field(10_000, ge=1, le=100_000, description="Most rows in a JSON answer.")
    export_rows: int = Field(
        200_000, ge=1, le=2_000_000, description="Most rows in a CSV, Parquet or Arrow answer."
    )
    import_rows: int = Field(500, ge=1, le=10_000, description="Most users in a CSV import.")
    stream_clients: int = Field(
        2_000, ge=1, le=1_000_000, description="Most clients of the live stream at once."
    )
    stream_clients_of_one: int = Field(
        500,
        ge=1,
        le=1_000_000,
        description="Most of them from one address; more get 429. All clients of a proxy that is "
        "not in `CANDLEWICK_API__TRUSTED_PROXIES` are one address.",
    )
    stream_queue: int = Field(
        1_000,
        ge=10,
        le=1_000_000,
        description="Most events that wait for a slow client before it is disconnected.",
    )
    heartbeat_s: Seconds = Field(
        15.0, description="Seconds between the heartbeats of a quiet stream."
    )
    stale_s: Seconds = Field(
        30.0, description="Seconds without anything new after which data is stale."
    )

    @field_validator("tls_by_proxy")
    @classmethod
    def _is_sealed(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's
        told = info.data
        if (told.get("certificate") is None) != (told.get("key") is None):
            raise ValueError(
                "set both CANDLEWICK_API__CERTIFICATE and CANDLEWICK_API__KEY, or neither"
            )
        if "host" in told and not (value or told.get("certificate") or is_loopback(told["host"])):
            raise ValueError(
                "passwords and tokens would cross the network in clear at CANDLEWICK_API__HOST "
                f"{told['host']}: set CANDLEWICK_API__CERTIFICATE and CANDLEWICK_API__KEY, or set "
                "this to true if a proxy in front does TLS"
            )
        return value

    @field_validator("origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        parts = value.replace(" ", "").split(",") if isinstance(value, str) else value
        return tuple(part for part in parts if part) if isinstance(parts, (list, tuple)) else parts

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        parts = value.replace(" ", "").split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)):
            return parts
        return tuple(str(ip_network(str(part))) for part in parts if part)


class HealthSettings(Group):
    """Interval and limits of the health check."""

    every_s: float = Field(5.0, ge=0.1, le=60, description="Seconds between two rounds of checks.")
    stands_s: float = Field(
        60.0,
        ge=1,
        le=86_400,
        description="Seconds after which data counts as standing still: nothing was stored in a "
        "table that always grows, or a consumer group did not move although records wait.",
    )
    start_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="Seconds after the API's start during which data that has never arrived "
        "counts as starting. After that it counts as down.",
    )
