"""Programs that come from a Debian package."""

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

INSTALL_S = 200
_APT = ("apt-get", "-o", f"DPkg::Lock::Timeout={INSTALL_S}")


def program(find: Callable[[], str | None], package: str) -> str:
    """Return what `find` finds, installed where that is possible; else skip the test."""
    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (("update",), ("install", "-y", "--no-install-recommends", package)):
            command = [*_APT, *arguments]
            subprocess.run(command, env=quiet, capture_output=True, check=False, timeout=INSTALL_S)
        found = find()
    if found is None:
        pytest.skip(f"not installed: `apt-get install {package}`, to run this test")
    return found
