"""`candlewick service`: what it writes is what systemd and launchd read."""

import configparser
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from candlewick.cli import build_app
from candlewick.stack.addresses import Market
from candlewick.stack.folder import StackFolder
from candlewick.stack.service_files import Service, launchd_plist, systemd_unit
from schemas.errors import ConfigurationError
from tests.support.debian import program


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(build_app(["service"]), ["service", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def faults_in(unit: Path) -> str:
    """What systemd has to say against a unit file."""
    analyze = program(lambda: shutil.which("systemd-analyze"), "systemd")
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "\n".join(line for line in done.stderr.splitlines() if unit.name in line)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "my 100% folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("user", [None, "daemon"])
def test_systemd_finds_no_fault_in_a_unit(tmp_path: Path, user: str | None) -> None:
    folder = tmp_path / 'a "folder" of $5; 100%'
    folder.mkdir()
    script = folder / "candlewick"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    unit = tmp_path / "candlewick.service"

    unit.write_text(systemd_unit(Service([str(script), "up"], folder, user)))

    assert not faults_in(unit)
    unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=perhaps"))
    assert "perhaps" in faults_in(unit)


def test_the_system_starts_a_stack_again_that_failed_but_none_that_was_told_to_end(
    tmp_path: Path,
) -> None:
    service = Service(["/opt/candlewick", "up"], tmp_path)

    assert "\nRestart=on-failure\n" in systemd_unit(service)
    kept = plistlib.loads(launchd_plist(service, tmp_path / "log"))["KeepAlive"]
    assert kept == {"SuccessfulExit": False}


def test_a_part_that_is_killed_for_want_of_memory_does_not_end_the_whole_stack(
    tmp_path: Path,
) -> None:
    service = Service(["/opt/candlewick", "up"], tmp_path)

    # By default systemd would stop all of it; the supervisor starts that part again.
    assert "\nOOMPolicy=continue\n" in systemd_unit(service)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is of Linux")
def test_the_unit_runs_the_stack_in_this_folder(home: Path) -> None:
    done = run("install", "--live", "--workers", "2")

    path = home / "systemd/user/candlewick.service"
    unit = configparser.RawConfigParser(strict=False)
    unit.read_string(path.read_text())
    assert unit["Service"]["ExecStart"].endswith("candlewick up --live --workers 2")
    assert unit["Service"]["WorkingDirectory"] == f"{home}/my 100%% folder"
    assert f"wrote {path}" in done.output
    assert "systemctl --user enable --now candlewick" in done.output
    assert "systemctl --user start candlewick" in done.output
    wanted = path.parent / "default.target.wants" / path.name
    wanted.parent.mkdir()
    wanted.symlink_to(path)  # as `systemctl enable` does

    gone = run("remove")

    assert f"removed {path}" in gone.output
    assert "systemctl --user daemon-reload" in gone.output
    assert not wanted.is_symlink()
    with pytest.raises(ConfigurationError, match="nothing was installed"):
        run("remove")


def test_settings_of_the_shell_alone_are_named_but_never_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__PASSWORD", "secret")

    done = run("install")

    assert "CANDLEWICK_CLICKHOUSE__PASSWORD" in done.output
    written = [p.read_bytes() for p in home.rglob("candlewick.*") if p.is_file()]
    assert all(b"secret" not in one for one in (*written, done.output.encode()))


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy", "XDG_CACHE_HOME"])
def test_a_proxy_of_the_shell_alone_is_named_with_where_it_belongs(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://me:secret@proxy.example:3128")

    done = run("install")

    (line,) = (line for line in done.output.splitlines() if name in line)
    assert "not taken along" in line
    assert "Environment" in done.output
    written = [p.read_bytes() for p in home.rglob("candlewick.*") if p.is_file()]
    assert all(b"secret" not in one for one in (*written, done.output.encode()))


def test_a_service_that_could_not_start_over_this_folder_is_not_installed(home: Path) -> None:
    folder = StackFolder(Path.cwd() / ".candlewick")
    folder.make()
    folder.keep_to(Market.REAL)

    with pytest.raises(ConfigurationError, match="add --live"):
        run("install")
    assert not list(home.rglob("candlewick.*"))

    assert "wrote" in run("install", "--live").output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_the_machine_needs_roots_rights(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="use sudo"):
        run("install", "--system")
    assert not list(home.rglob("*.service"))


def test_launchd_reads_what_is_written(tmp_path: Path) -> None:
    service = Service(["/opt/candlewick", "up"], tmp_path, None)

    found = plistlib.loads(launchd_plist(service, tmp_path / "log"))

    assert found["ProgramArguments"] == ["/opt/candlewick", "up"]
    assert (found["KeepAlive"], found["RunAtLoad"]) == ({"SuccessfulExit": False}, True)
    assert "UserName" not in found
