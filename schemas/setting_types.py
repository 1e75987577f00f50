"""Types of settings. Each refuses an invalid value with a message that says what to write."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from schemas.symbol_patterns import check_name, check_part
from schemas.timeframe import FETCHED

WebsocketClient = Literal["websockets", "picows"]
DAY_S: Final = 86_400.0
MOST_PORT: Final = 65_535
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ONLY_NUMBERS: Final = re.compile(r"[0-9.]+")
_USER: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_CLUSTER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DATABASE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_OWN_DATABASES: Final = {"system", "information_schema"}
_DATABASE_URL: Final = re.compile(r"[a-z][a-z0-9_]*(?:\+[a-z0-9_]+)?://\S*")
_COIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_TARGET: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_MODEL: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_PLACE: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:@return)?")
_OUR_MODELS: Final = {"reference", "online", "batch", "forest", "lstm", "blend", "champion"}
_DAYS_BACK: Final = re.compile(r"[0-9]{1,5}d")
_FIRST_YEAR: Final = 1970
# ClickHouse counts a row's age in seconds of 32 bits, which end in 2106 and begin anew: with 100
# years every row would be too old.
MOST_DAYS: Final = 20_000


def _origins(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        parts = urlsplit(text)
        whole = f"{parts.scheme}://{parts.netloc}".lower()
        usual = {"http": ":80", "https": ":443"}.get(parts.scheme)
        # Browsers write an origin in small letters and without its usual port, and name a host.
        if text != "*" and (
            usual is None or not parts.hostname or text != whole.removesuffix(usual)
        ):
            raise ValueError(
                f"write {text!r} as https://host or https://host:port, as browsers do: in small "
                "letters and without the usual port; or * for all"
            )
    return texts


def _host(text: str) -> str:
    if _is_host(text):
        return text
    raise ValueError(f"{text!r} is not an address: write for example 127.0.0.1, ::1 or a name")


def _is_host(text: str) -> bool:
    if ":" in text or _ONLY_NUMBERS.fullmatch(text):
        try:
            ip_address(text)
        except ValueError:
            return False
        return True
    return len(text) < 254 and _HOST.fullmatch(text) is not None  # noqa: PLR2004 - RFC 1035


def _brokers(text: str) -> str:
    for broker in text.split(","):
        host, _, port = broker.strip().rpartition(":")
        if not _is_host(host.removeprefix("[").removesuffix("]")) or not _is_port(port):
            raise ValueError(f"{broker!r} is not a broker: write host:port, comma separated")
    return text


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= MOST_PORT


def _http(text: str) -> str:
    return _url(text, "http", "https")


def _http_or_none(text: str) -> str:
    return _url(text, "http", "https") if text else text


def _websocket(text: str) -> str:
    return _url(text, "ws", "wss")


def _url(text: str, *schemes: str) -> str:
    wanted = ValueError(f"{text!r} is not an address: write {schemes[-1]}://host or with :port")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wanted from None
    plain = text.isprintable() and " " not in text
    if not plain or parts.scheme not in schemes or not _is_host(host) or port == 0:
        raise wanted
    return text


def _user(text: str) -> str:
    return _like(_USER, text, "user name: use letters, digits and . _ @ -, at most 64")


def _cluster(text: str) -> str:
    return _like(_CLUSTER, text, "cluster name: use letters, digits and . _ -, at most 64")


def _database(text: str) -> str:
    if text.lower() in _OWN_DATABASES:
        raise ValueError(f"{text!r} is ClickHouse's own: choose another name")
    return _like(_DATABASE, text, "database name: use letters, digits and _, at most 64")


def _like(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a {what}")
    return text


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isprintable() or text != text.strip():
        raise ValueError("it begins or ends with a blank, or has unprintable characters")
    return value


def target_pairs(value: SecretStr) -> list[tuple[str, str]]:
    """Split ``phone=tgram://… mail=mailtos://…`` into names and addresses."""
    parts = (part.partition("=") for part in value.get_secret_value().split())
    return [(name, url) for name, _, url in parts]


def comma_pairs(text: str) -> list[tuple[str, str]]:
    """Return the pairs of ``name=value,name=value``.

    Raises:
        ValueError: A name is there twice.
    """
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    _check_names(name.strip().upper() for name, _, _ in parts)
    return [(name.strip(), value.strip()) for name, _, value in parts]


def _check_names(names: Iterable[str]) -> None:
    if any(times > 1 for times in Counter(names).values()):
        raise ValueError("a name is there twice: choose another name")


def _targets(value: SecretStr) -> SecretStr:
    pairs = target_pairs(_secret(value))
    for name, url in pairs:
        if _TARGET.fullmatch(name) is None or "://" not in url:  # neither is shown: it is secret
            raise ValueError(
                "it is not a list of targets: write name=address with blanks between, for example "
                "phone=tgram://TOKEN/CHAT"
            )
    _check_names(name for name, _ in pairs)
    return value


def _database_url(value: SecretStr) -> SecretStr:
    if _DATABASE_URL.fullmatch(value.get_secret_value()) is None:
        raise ValueError("it is not a URL: write postgresql+psycopg://user:password@host/database")
    return value


def _folder(value: object) -> object:
    text = str(value)
    if not text.strip() or not text.isprintable():
        raise ValueError(
            "it is empty or unprintable: write the path of a folder, or . for this one"
        )
    return value


def _file(path: Path) -> Path:
    if not str(path).isprintable():
        raise ValueError("it is unprintable: write the path of a file")
    return path


def _since(text: str) -> str:
    if _DAYS_BACK.fullmatch(text):
        return text
    try:
        day = date.fromisoformat(text) if len(text) == len("2017-08-01") else None
    except ValueError:
        day = None
    # A user in a time zone east of UTC may already have tomorrow's date.
    if day is None or day.year < _FIRST_YEAR or (day - datetime.now(UTC).date()).days > 1:
        raise ValueError(
            f"{text!r} is not a day of the past: write 2017-08-01, or 30d for days back"
        )
    return text


def _intervals(names: tuple[str, ...]) -> tuple[str, ...]:
    known = [interval.value for interval in FETCHED]
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not an interval: choose from {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def _symbols(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        check_part(name)
    return names


def _coins(ids: dict[str, str]) -> dict[str, str]:
    for symbol, coin in ids.items():
        if not _is_name(symbol) or _COIN.fullmatch(coin) is None:
            raise ValueError(
                f"{f'{symbol}={coin}'!r} is not a pair and its coin: write PEPEUSDT=pepe"
            )
    return ids


def _models(places: dict[str, str]) -> dict[str, str]:
    for name, place in places.items():
        if _MODEL.fullmatch(name) is None or _PLACE.fullmatch(place) is None:
            raise ValueError(
                f"{f'{name}={place}'!r} is not a model: write name=package.module:factory, with a "
                "name of lower-case letters, digits, _ and -"
            )
        if name in _OUR_MODELS:
            raise ValueError(f"{name} is one of our own models: choose another name")
    return places


def _is_name(symbol: str) -> bool:
    try:
        check_name(symbol)
    except ValueError:
        return False
    return True


def _port_or_off(value: object) -> object:
    if value is None or value in {"off", ""}:
        return None
    text = str(value)
    if text != "0" and not _is_port(text):
        raise ValueError(f"{text!r} is not a port: write a number, 0 for any free one, or off")
    return int(text)


def _prediction_days(days: int) -> int:
    # Where scores are missing, the predictor scores the last 30 days anew at each start.
    if days and not 35 <= days <= MOST_DAYS:  # noqa: PLR2004 - named in the message
        raise ValueError(f"give 0 for ever, or 35 to {MOST_DAYS} days: the last 30 are scored anew")
    return days


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


Host = Annotated[str, AfterValidator(_host)]
Brokers = Annotated[str, AfterValidator(_brokers)]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
HttpUrl = Annotated[str, AfterValidator(_http)]
OptionalHttpUrl = Annotated[str, AfterValidator(_http_or_none)]
WebsocketUrl = Annotated[str, AfterValidator(_websocket)]
UserName = Annotated[str, AfterValidator(_user)]
OptionalUserName = Annotated[UserName | None, BeforeValidator(_none_if_empty)]
DatabaseName = Annotated[str, AfterValidator(_database)]
ClusterName = Annotated[str, AfterValidator(_cluster)]
OptionalClusterName = Annotated[ClusterName | None, BeforeValidator(_none_if_empty)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Targets = Annotated[SecretStr, AfterValidator(_targets)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
OptionalDatabaseUrl = Annotated[DatabaseUrl | None, BeforeValidator(_none_if_empty)]
Folder = Annotated[Path, BeforeValidator(_folder)]
OptionalFile = Annotated[
    Annotated[Path, AfterValidator(_file)] | None, BeforeValidator(_none_if_empty)
]
PredictionDays = Annotated[int, AfterValidator(_prediction_days)]
PortOrOff = Annotated[int | None, BeforeValidator(_port_or_off)]
Since = Annotated[str, AfterValidator(_since)]
Intervals = Annotated[tuple[str, ...], AfterValidator(_intervals)]
Symbols = Annotated[tuple[str, ...], AfterValidator(_symbols)]
Origins = Annotated[tuple[str, ...], AfterValidator(_origins)]
CoinIds = Annotated[dict[str, str], AfterValidator(_coins)]
ModelPlaces = Annotated[dict[str, str], AfterValidator(_models)]
# A plausible number of seconds: a millisecond to a day.
RootPath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")]
Seconds = Annotated[float, Field(ge=0.001, le=DAY_S, allow_inf_nan=False)]
