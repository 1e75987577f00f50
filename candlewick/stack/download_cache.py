"""The cache of downloads: outside the data folder, shared by all checkouts of a user."""

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """Return Candlewick's folder in the user's cache.

    Source: XDG Base Directory Specification; on macOS, Apple's "File System Basics".
    """
    if root := os.environ.get("XDG_CACHE_HOME"):
        return Path(root) / "candlewick"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "candlewick"
    return Path.home() / ".cache" / "candlewick"
