"""Programs that come from a Debian package."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

INSTALL_S = 200  # a test has 240 s
_APT = ("apt-get", "-o", f"DPkg::Lock::Timeout={INSTALL_S}")


def program(find: Callable[[], str | None], package: str) -> str:
    """Return what `find` finds, installed where that is possible; else skip the test."""
    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        until_s = time.monotonic() + INSTALL_S
        with suppress(subprocess.TimeoutExpired):  # a firewall that drops what is asked
            for arguments in (("update",), ("install", "-y", "--no-install-recommends", package)):
                command, left_s = [*_APT, *arguments], until_s - time.monotonic()
                subprocess.run(command, env=quiet, capture_output=True, check=False, timeout=left_s)
        found = find()
    if found is None:
        pytest.skip(f"not installed: `apt-get install {package}`, to run this test")
    return found
