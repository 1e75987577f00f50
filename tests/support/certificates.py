"""A certificate for this machine, made by openssl."""

import shutil
import subprocess
from pathlib import Path

from tests.support.debian import program


def make_certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 and its key in a folder, and return the folder."""
    openssl = program(lambda: shutil.which("openssl"), "openssl")
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "chain.pem"]
    command = [openssl, "req", "-x509", *made, *names, *files]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return folder
