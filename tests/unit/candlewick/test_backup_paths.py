"""What lies elsewhere, or cannot be read, is not left out of a backup in silence."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from candlewick.backup import read_backup, size_of, write_backup
from schemas.errors import ConfigurationError

NOBODY = 65534


def a_linked_folder(root: Path) -> Path:
    """A data folder whose Kafka lies on another disk, as people do it."""
    (root / "data").mkdir()
    (root / "data/credentials").write_text("secret")
    (root / "big/kafka/logs").mkdir(parents=True)
    (root / "big/kafka/logs/0.log").write_bytes(b"records" * 1000)
    (root / "big/kafka/current").symlink_to("logs")
    (root / "data/kafka").symlink_to(root / "big/kafka")
    return root / "data"


def backed_up(folder: Path, target: Path) -> Path:
    write_backup(folder, target, size=size_of(folder), program="0.1.0", made_ms=1)
    return target


def test_a_folder_on_another_disk_is_in_the_backup_and_comes_back_as_a_folder(
    tmp_path: Path,
) -> None:
    folder = a_linked_folder(tmp_path)
    assert size_of(folder) == len("secret") + 7000

    read_backup(backed_up(folder, tmp_path / "backup.tar"), tmp_path / "restored")

    kafka = tmp_path / "restored/kafka"
    assert not kafka.is_symlink()
    assert (kafka / "logs/0.log").read_bytes() == b"records" * 1000
    assert (kafka / "current").readlink() == Path("logs")


def test_a_linked_file_is_in_the_backup(tmp_path: Path) -> None:
    folder = a_linked_folder(tmp_path)
    (folder / "credentials").rename(tmp_path / "secrets")
    (folder / "credentials").symlink_to("../secrets")

    read_backup(backed_up(folder, tmp_path / "backup.tar"), tmp_path / "restored")

    assert (tmp_path / "restored/credentials").read_text() == "secret"
    assert not (tmp_path / "restored/credentials").is_symlink()


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("data/models/keras", "../../big"),
        ("data/models/keras", "/big"),
        ("data/models/keras", "../../data/credentials"),  # right only under this name
        ("data/models/keras", "old/../../credentials"),  # wrong if old is a link
        ("big/kafka/logs/1.log", "../../topics"),
        ("big/kafka/logs/1.log", "../../credentials"),  # not the one beside the link to Kafka
    ],
)
def test_a_link_whose_end_would_be_missing_is_refused_by_name(
    tmp_path: Path, link: str, target: str
) -> None:
    folder = a_linked_folder(tmp_path)
    (folder / "models").mkdir()
    (tmp_path / link).symlink_to(target)

    with pytest.raises(ConfigurationError, match=f"{link.rpartition('/')[2]} is a link to"):
        size_of(folder)
    with pytest.raises(ConfigurationError, match="would not be in the backup"):
        write_backup(folder, tmp_path / "backup.tar", size=1, program="0.1.0", made_ms=1)

    assert not [*tmp_path.glob("backup.tar*")]


def test_a_backup_is_not_written_into_a_linked_folder_that_it_copies(tmp_path: Path) -> None:
    folder = a_linked_folder(tmp_path)

    with pytest.raises(ConfigurationError, match="in the data folder itself"):
        backed_up(folder, tmp_path / "big/kafka/backup.tar")


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything, others may not."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_a_folder_that_cannot_be_read_is_not_left_out() -> None:
    with TemporaryDirectory() as root:  # pytest's own is closed to others
        Path(root).chmod(0o755)
        closed = a_linked_folder(Path(root)) / "models"
        closed.mkdir(mode=0)
        try:
            with without_privileges(), pytest.raises(PermissionError):
                size_of(closed.parent)
        finally:
            closed.chmod(0o755)


def test_what_could_not_be_restored_is_refused_and_a_dead_socket_is_not_missed(
    tmp_path: Path,
) -> None:
    folder = a_linked_folder(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / "old.sock"))
    read_backup(backed_up(folder, tmp_path / "backup.tar"), tmp_path / "restored")
    assert not (tmp_path / "restored/old.sock").exists()

    os.mkfifo(folder / "pipe")
    with pytest.raises(ConfigurationError, match="pipe is neither a file nor a folder"):
        backed_up(folder, tmp_path / "second.tar")
