"""Who runs a command, for what is noted of a decision."""

import getpass
import os


def person() -> str:
    """Return the name of the user, or ``uid 1234`` of one without a name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # Python 3.13 raises the second
        return f"uid {os.getuid()}"
