"""Apache Kafka's jars: fetched once, and each checked against its SHA-256 in ``jars.sha256``."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from candlewick.stack.disk_room import forbidden_place, is_full, is_of
from candlewick.stack.download_cache import user_cache
from clients.watching.log import EventLog
from schemas.errors import ConfigurationError, ContractMismatch

_log = EventLog(__name__)
KAFKA_VERSION = "4.3.1"
_SIZE_MB = 44
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
LOCK_LIST = Path(__file__).with_name("jars.sha256")


def kafka_home() -> Path:
    """Return the cache folder of this Kafka version."""
    return user_cache() / f"kafka-{KAFKA_VERSION}"


def ensure_jars(home: Path, say: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Return the jars in the order of the list; fetch them if one is missing or differs.

    Args:
        home: The cache folder.
        say: Called with a line before what may take minutes.

    Raises:
        ConfigurationError: Maven Central cannot be reached, the disk is full, or the cache folder
            may not be used.
        ContractMismatch: Maven Central sent a jar whose checksum differs from the list's.
    """
    wanted = read_list(LOCK_LIST)
    folder = home / "jars"
    paths = [folder / name for name in wanted]
    with explained(home):
        if not differing(folder, wanted):
            return paths
        with only_one(home, say):
            if differing(folder, wanted):
                say(
                    _log.info(
                        "kafka_fetching",
                        "fetching Apache Kafka {version} ({size_mb} MB), this once",
                        version=KAFKA_VERSION,
                        size_mb=_SIZE_MB,
                    )
                )
                _fetch(folder, wanted)
    return paths


@contextmanager
def explained(home: Path) -> Iterator[None]:
    """Say what to do where the cache folder cannot be used; its place is no setting of the stack.

    Raises:
        ConfigurationError: The disk is full, or something in the folder may not be used.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise ConfigurationError(f"no space left for Kafka's jars in {home}") from error
        if (place := forbidden_place(error)) and is_of(place, home.absolute()):
            raise ConfigurationError(
                f"Kafka's files cannot be kept in {home}: allow it, or set XDG_CACHE_HOME"
            ) from error
        raise


def read_list(path: Path) -> dict[str, str]:
    """Read a checksum list into a mapping from file name to SHA-256.

    Source: the format of ``sha256sum``, two spaces between digest and name.
    """
    lines = path.read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def differing(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Return the names of files that are missing from the folder or have another checksum."""
    return [name for name, digest in wanted.items() if _sha256(folder / name) != digest]


def _fetch(folder: Path, wanted: dict[str, str]) -> None:
    from candlewick.kafka_server.maven import fetch_jars  # noqa: PLC0415 - 0.2 s that no later start needs

    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        fresh = Path(scratch, "jars")
        fresh.mkdir()
        for jar in fetch_jars(ENDPOINT, Path(scratch)):
            shutil.copy(jar, fresh / jar.name)
        if wrong := differing(fresh, wanted):
            raise ContractMismatch(f"Maven Central sent a wrong checksum for {', '.join(wrong)}")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


@contextmanager
def only_one(home: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Allow only one process at a time to work in the cache, and remove what a killed one left."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(
                _log.info(
                    "kafka_fetch_awaited",
                    "waiting for another process, which prepares Kafka in {home}",
                    home=home,
                )
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in home.glob(f"{tempfile.gettempprefix()}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
