"""Encoder of websocket text frames.

Source: RFC 6455, 5.2: final fragment, opcode 1, not masked.
"""

from typing import Final

_SHORT: Final = 126
_MEDIUM: Final = 1 << 16


def text_frame(message: str) -> bytes:
    """Return one text message as a server's frame."""
    data = message.encode()
    size = len(data)
    if size < _SHORT:
        return bytes((0x81, size)) + data
    if size < _MEDIUM:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data
