"""Links in backups: none leads out of the data folder."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.backup import FORMAT, read_backup
from candlewick.backup_paths import MANIFEST
from schemas.errors import ConfigurationError

EVIL = b"evil"
FOLDERS = [("x", ""), ("x/y", "")]
NAMES = st.sampled_from(["l", "x/l", "x/y/l", "l/m", "x/y/l/m"])
TARGETS = st.sampled_from(["../..", "x", "l/..", "../../../out", "x/y/l/../../out"])
MEMBERS = st.lists(st.tuples(NAMES, st.none() | TARGETS), max_size=4)


def an_archive(path: Path, members: Sequence[tuple[str, str | None]]) -> Path:
    """An archive of names: with a target a link, with an empty one a folder, with none a file."""
    with tarfile.open(path, "w") as tar:
        for name, target in members:
            member = tarfile.TarInfo(name)
            member.mode, member.linkname = 0o755, target or ""
            member.type = tarfile.SYMTYPE if target else tarfile.DIRTYPE
            _add(tar, member, EVIL if target is None else None)
        hashes = {name: hashlib.sha256(EVIL).hexdigest() for name, to in members if to is None}
        manifest = {"format": FORMAT, "candlewick": "", "made_ms": 0, "size": 0, "sha256": hashes}
        _add(tar, tarfile.TarInfo(MANIFEST), json.dumps(manifest).encode())
    return path


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, content: bytes | None) -> None:
    if content is not None:
        member.type, member.size = tarfile.REGTYPE, len(content)
    tar.addfile(member, io.BytesIO(content or b""))


def test_an_archive_cannot_write_through_a_link_of_its_own(tmp_path: Path) -> None:
    folders = [*FOLDERS, ("top", ""), ("out", "")]
    links = [("x/y/z", "../../top"), ("x/y/z/l", "../../../out")]
    evil = an_archive(tmp_path / "evil.tar", [*folders, *links, ("x/y/z/l/evil.txt", None)])
    (tmp_path / "out").mkdir()

    with pytest.raises(ConfigurationError, match="lies outside"):
        read_backup(evil, tmp_path / "restored")

    assert not [*tmp_path.rglob("evil.txt")]


@pytest.mark.parametrize("is_made_first", [True, False])
def test_an_archive_cannot_link_out_of_the_folder_through_another_link(
    tmp_path: Path, *, is_made_first: bool
) -> None:
    folders = [*FOLDERS, ("top", "")]
    links = [("x/y/z", "../../top"), ("l", "x/y/z/../../out")]
    links = links if is_made_first else links[::-1]
    evil = an_archive(tmp_path / "evil.tar", [*folders, *links])

    with pytest.raises(ConfigurationError, match="lies outside"):
        read_backup(evil, tmp_path / "restored")


@given(MEMBERS)
def test_whatever_an_archive_holds_nothing_outside_is_written_or_linked_to(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, str | None]]
) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "out").mkdir()
    unpacked, archive = root / "restored", an_archive(root / "evil.tar", [*FOLDERS, *members])

    try:
        read_backup(archive, unpacked)
    except ConfigurationError:
        assert not unpacked.exists()

    assert sorted(path.name for path in root.iterdir() if path != unpacked) == ["evil.tar", "out"]
    assert not [*(root / "out").iterdir()]
    for path in unpacked.rglob("*"):
        assert Path(os.path.realpath(path)).is_relative_to(unpacked)
