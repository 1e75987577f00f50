"""Waiting until a server answers."""

import httpx

from candlewick.ports import LOOPBACK, answers
from candlewick.programs import Program


def is_ready(program: Program) -> bool:
    """Tell whether a program answers; one without a port is ready once it runs."""
    if program.port is None:
        return True
    if program.ping is None:
        return answers(program.port)
    try:
        url = f"http://{LOOPBACK}:{program.port}{program.ping}"
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
