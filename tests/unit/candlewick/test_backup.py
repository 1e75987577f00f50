"""A backup gives back what was there, and a damaged one gives back nothing."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.backup import read_backup, size_of, write_backup
from candlewick.backup_paths import LEFT_OUT, MANIFEST
from schemas.errors import ConfigurationError

NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=20)
NAMES = NAMES.filter(lambda name: name not in LEFT_OUT | {".", ".."})
TREES = st.dictionaries(NAMES, st.binary(max_size=3000), max_size=8)


def a_folder(root: Path) -> Path:
    """A data folder with all that a real one has: links, hidden files, private ones, empty ones."""
    folder = root / "data"
    (folder / "clickhouse/store/38a").mkdir(parents=True)
    (folder / "clickhouse/data").mkdir()
    (folder / "clickhouse/data/trades").symlink_to("../store/38a")
    (folder / "clickhouse/store/38a/part.bin").write_bytes(os.urandom(100_000))
    (folder / "kafka/logs/__consumer_offsets-0").mkdir(parents=True)
    (folder / "kafka/logs/.lock").write_bytes(b"")
    (folder / "credentials").write_text("secret")
    (folder / "credentials").chmod(0o600)
    os.link(folder / "credentials", folder / "again")
    for name in ("logs", "run"):
        (folder / name).mkdir()
        (folder / name / "old").write_text("of this machine")
    return folder


def contents(folder: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder",)
        else:
            there = path.stat()
            found[name] = (path.read_bytes(), there.st_mode, int(there.st_mtime))
    return found


def a_backup(folder: Path, target: Path) -> Path:
    write_backup(folder, target, size=size_of(folder), program="0.1.0", made_ms=1)
    return target


def test_a_restored_folder_is_the_one_that_was_backed_up_without_logs(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    backup = a_backup(folder, tmp_path / "backup.tar")

    made = read_backup(backup, tmp_path / "restored")

    kept = {n: c for n, c in contents(folder).items() if n.split("/")[0] not in {"logs", "run"}}
    restored = contents(tmp_path / "restored")
    assert {n: c for n, c in restored.items() if n.split("/")[0] != "run"} == kept
    assert set(made.sha256) == {name for name, what in kept.items() if isinstance(what[0], bytes)}
    assert backup.stat().st_mode & 0o777 == 0o600


def test_all_is_on_the_disk_before_the_folder_appears_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup, restored = a_backup(a_folder(tmp_path), tmp_path / "backup.tar"), tmp_path / "restored"
    flushed = list[tuple[int, bool]]()
    monkeypatch.setattr(
        os, "fsync", lambda file: flushed.append((os.fstat(file).st_ino, restored.exists()))
    )

    read_backup(backup, restored)

    its = [top for top in restored.iterdir() if top.name != "run"]
    paths = [restored, *its, *(path for top in its for path in top.rglob("*"))]
    inside = {path.stat().st_ino for path in paths if not path.is_symlink()}
    assert {inode for inode, is_there in flushed if not is_there} >= inside
    assert flushed[-1] == (tmp_path.stat().st_ino, True)


@given(TREES)
def test_any_names_and_contents_come_back(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "data").mkdir()
    for name, content in tree.items():
        (root / "data" / name).write_bytes(content)

    read_backup(a_backup(root / "data", root / "backup.tar"), root / "restored")

    (lock,) = (root / "restored/run").iterdir()
    lock.unlink()
    lock.parent.rmdir()
    assert {p.name: p.read_bytes() for p in (root / "restored").iterdir()} == tree


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_a_backup_that_was_cut_short_restores_nothing(tmp_path: Path, part: float) -> None:
    backup = a_backup(a_folder(tmp_path), tmp_path / "backup.tar")
    whole = backup.read_bytes()
    end = whole.rindex(MANIFEST.encode()) + 512  # after it there is only padding
    backup.write_bytes(whole[: int(end * part)])

    with pytest.raises(ConfigurationError, match="is not a whole backup"):
        read_backup(backup, tmp_path / "restored")

    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup.tar", "data"]


def test_one_flipped_bit_is_found_and_restores_nothing(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    backup = a_backup(folder, tmp_path / "backup.tar")
    damaged = bytearray(backup.read_bytes())
    place = damaged.index((folder / "clickhouse/store/38a/part.bin").read_bytes()[:64])
    damaged[place + 50_000] ^= 1
    backup.write_bytes(damaged)

    with pytest.raises(ConfigurationError, match=r"part\.bin is not what was backed up"):
        read_backup(backup, tmp_path / "restored")

    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("name", ["../outside", "/outside", "clickhouse/../../outside"])
def test_an_archive_cannot_write_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"evi"))

    with pytest.raises(ConfigurationError, match="lies outside"):
        read_backup(tmp_path / "evil.tar", tmp_path / "deep" / "restored")

    assert [*tmp_path.rglob("outside")] == []


def test_an_archive_cannot_link_to_what_is_outside_of_the_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        member = tarfile.TarInfo("store")
        member.type, member.linkname = tarfile.SYMTYPE, "../../etc"
        tar.addfile(member)

    with pytest.raises(ConfigurationError, match="lies outside"):
        read_backup(tmp_path / "evil.tar", tmp_path / "restored")


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    backup = a_backup(folder, tmp_path / "backup.tar")

    with pytest.raises(ConfigurationError, match="exists: choose another name"):
        a_backup(folder, backup)
    with pytest.raises(ConfigurationError, match="is not empty"):
        read_backup(backup, folder)


def test_a_backup_is_not_written_into_what_it_copies(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)

    with pytest.raises(ConfigurationError, match="in the data folder itself"):
        a_backup(folder, folder / "kafka" / "backup.tar")


def test_the_list_of_a_backup_that_was_unpacked_by_hand_does_not_end_the_next_one(
    tmp_path: Path,
) -> None:
    folder = a_folder(tmp_path)
    (folder / MANIFEST).write_text("{}")

    read_backup(a_backup(folder, tmp_path / "backup.tar"), tmp_path / "restored")

    assert (tmp_path / "restored/credentials").read_text() == "secret"


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    backup = a_backup(a_folder(tmp_path), tmp_path / "backup.tar")
    (tmp_path / "restored").mkdir()

    read_backup(backup, tmp_path / "restored")

    assert (tmp_path / "restored" / "credentials").read_text() == "secret"


def test_a_mount_point_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    mount = Path(tmp_path.anchor)

    with pytest.raises(ConfigurationError, match=f"a folder in it, for example {mount}candlewick"):
        read_backup(tmp_path / "not read", mount)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_data_folder_that_is_a_link_to_another_disk_stays_one(
    tmp_path: Path, *, is_there: bool
) -> None:
    backup = a_backup(a_folder(tmp_path), tmp_path / "backup.tar")
    (tmp_path / "big").mkdir()
    if is_there:
        (tmp_path / "big/candlewick").mkdir()
    (tmp_path / "link").symlink_to("big/candlewick")

    read_backup(backup, tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "big/candlewick/credentials").read_text() == "secret"


def test_a_file_that_is_no_archive_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no archive" * 1000)

    with pytest.raises(ConfigurationError, match="is not a whole backup"):
        read_backup(tmp_path / "notes.txt", tmp_path / "restored")
