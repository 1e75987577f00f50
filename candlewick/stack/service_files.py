"""Files with which systemd or launchd starts the stack by itself. Pure.

Source: systemd.service(5), systemd.exec(5), systemd.kill(5); launchd.plist(5).
"""

import plistlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from candlewick.stack.process_identity import END_S

LABEL = "candlewick"
AGAIN_S = 5  # after an end that nobody asked for: `candlewick down` is an end with 0
_ENV = "/usr/bin/env"  # systemd refuses a program whose path has quotes, but not an argument


@dataclass(frozen=True, slots=True)
class Service:
    """What is to be started, and where.

    Attributes:
        command: The program by its full path, and its arguments.
        folder: Working directory; its ``.env`` has the settings.
        user: Who runs it; None for the user whose service manager has the file.
    """

    command: Sequence[str]
    folder: Path
    user: str | None = None


def systemd_unit(service: Service) -> str:
    """Return a unit file."""
    who = f"User={service.user}\n" if service.user else ""
    return f"""[Unit]
Description=Candlewick: exact candles and predictions from live trades
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
{who}WorkingDirectory={_path(service.folder)}
ExecStart={_ENV} {" ".join(map(_word, service.command))}
Restart=on-failure
RestartSec={AGAIN_S}
KillMode=mixed
OOMPolicy=continue
TimeoutStopSec={END_S}
LimitNOFILE=65536

[Install]
WantedBy={"multi-user.target" if service.user else "default.target"}
"""


def launchd_plist(service: Service, log: Path) -> bytes:
    """Return a property list; what the stack says goes into ``log``."""
    wanted: dict[str, object] = {
        "Label": LABEL,
        "ProgramArguments": list(service.command),
        "WorkingDirectory": str(service.folder),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": AGAIN_S,
        "ExitTimeOut": END_S,
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
    }
    if service.user:
        wanted["UserName"] = service.user
    return plistlib.dumps(wanted)


def _path(path: Path) -> str:
    return str(path).replace("%", "%%")


def _word(text: str) -> str:
    """Return a word of a command line as systemd reads it: it knows %, $ and quotes.

    >>> _word("/srv/my 100% folder/candlewick")
    '"/srv/my 100%% folder/candlewick"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(c in text for c in " \t\"'\\;") else escaped
