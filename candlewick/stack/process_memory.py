"""How much memory a process takes."""

import psutil


def memory_bytes(process: psutil.Process) -> int | None:
    """Return the memory of a process in bytes; None if it has ended or belongs to somebody else.

    On Linux it is the proportional set size: a page that several processes share is split among
    them, so that the sum over all is what the machine gives. The resident set size counts such a
    page once a process. Elsewhere it is the resident set size.
    Source: proc_pid_smaps(5), "Pss".
    """
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return None
    return int(getattr(found, "pss", found.rss))
