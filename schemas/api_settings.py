"""The settings of the API, and of the health check that it runs."""

from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from schemas.setting_groups import Group
from schemas.setting_types import Host, OptionalDatabaseUrl, OptionalFile, Seconds


def is_address(host: str) -> bool:
    """Tell whether it is an IP address, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether who listens there is reached from this machine only."""
    return ip_address(host).is_loopback if is_address(host) else host.lower() == "localhost"


class ApiSettings(Group):
    """How the API answers and whom it lets in."""

    host: Host = Field("127.0.0.1", description="Address that the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Its port.")
    certificate: OptionalFile = Field(
        None,
        description="PEM file with the certificate and those above it: HTTPS. Needed to listen "
        "beyond this machine, unless a proxy does TLS.",
    )
    key: OptionalFile = Field(None, description="PEM file with its private key.")
    tls_by_proxy: bool = Field(
        default=False,
        validate_default=True,
        description="A proxy in front does TLS, and nobody else reaches the API beyond this "
        "machine: it may listen there without a certificate.",
    )
    public_read: bool = Field(
        default=True, description="Market data may be read without signing in."
    )
    users_url: OptionalDatabaseUrl = Field(
        None,
        description="SQLAlchemy URL of the users' database; left out, a SQLite file in the data "
        "folder.",
    )
    token_minutes: int = Field(60, ge=1, le=1440, description="How long a token is valid.")
    key_days: int = Field(
        30, ge=1, le=365, description="A key that signs tokens is replaced after this many days."
    )
    login_attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="Wrong passwords of an address for a user until it waits for that user; four "
        "times as many over all users. Not where it signed in well in the last 12 hours.",
    )
    login_wait_s: int = Field(300, ge=1, le=86_400, description="How long it waits.")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses or networks of proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed, comma separated: 10.0.0.5,172.16.0.0/12.",
    )
    body_bytes: int = Field(
        1_048_576, ge=1024, le=1 << 30, description="Largest body of a request."
    )
    request_s: float = Field(
        30.0, ge=1, le=3600, description="How long a request may take to come, first to last byte."
    )
    requests_per_minute: int = Field(
        6_000,
        ge=0,
        le=1_000_000,
        description="Requests a minute of an address, and of a user; beyond them 429. 0: any "
        "number. The live stream and the page's files do not count.",
    )
    heavy_requests: int = Field(
        2, ge=1, le=24, description="Answers of more than 5,000 rows that are made at a time."
    )
    page_rows: int = Field(10_000, ge=1, le=100_000, description="Most rows of an answer in JSON.")
    export_rows: int = Field(
        200_000, ge=1, le=2_000_000, description="Most rows of one in CSV, Parquet or Arrow."
    )
    import_rows: int = Field(500, ge=1, le=10_000, description="Most users in a CSV import.")
    stream_clients: int = Field(
        2_000, ge=1, le=1_000_000, description="Most clients of the live stream at once."
    )
    stream_queue: int = Field(
        1_000,
        ge=10,
        le=1_000_000,
        description="Events that wait for a slow client until it is dropped.",
    )
    heartbeat_s: Seconds = Field(15.0, description="A quiet stream says so this often.")
    stale_s: Seconds = Field(
        30.0, description="Data of which nothing new came for this long is not fresh."
    )

    @field_validator("tls_by_proxy")
    @classmethod
    def _is_sealed(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's
        told = info.data
        if (told.get("certificate") is None) != (told.get("key") is None):
            raise ValueError(
                "CANDLEWICK_API__CERTIFICATE and CANDLEWICK_API__KEY are set together, or neither"
            )
        if "host" in told and not (value or told.get("certificate") or is_loopback(told["host"])):
            raise ValueError(
                f"passwords and tokens would cross the network in clear at {told['host']}: set "
                "CANDLEWICK_API__CERTIFICATE and CANDLEWICK_API__KEY; or this to true, where a "
                "proxy in front does TLS"
            )
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        parts = value.replace(" ", "").split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)):
            return parts
        return tuple(str(ip_network(str(part))) for part in parts if part)


class HealthSettings(Group):
    """When the health check calls data old."""

    every_s: float = Field(5.0, ge=0.1, le=60, description="Everything is looked at this often.")
    stands_s: float = Field(
        60.0,
        ge=1,
        le=86_400,
        description="Data stands still when for this long nothing was stored of a table that "
        "always moves, or a consumer group has not moved though records wait.",
    )
    start_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="What has never come yet counts as starting for this long after the API's "
        "start, then as down.",
    )
