"""Faulty archive files: damaged in transit, damaged before the checksum, or re-issued."""

import io
import zipfile


def damaged(body: bytes, how: str, *, checksum: bool) -> bytes:
    """Return the bytes to send, or with `checksum` the bytes to compute the checksum of."""
    if how == "reissued":
        return _reissued(body)
    if how == "cut-before-checksum":
        return body[: len(body) // 2]
    if checksum:
        return body
    if how == "truncated":
        return body[: len(body) // 2]
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def _reissued(body: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as old:
        about = old.infolist()[0]
        lines = old.read(about).splitlines(keepends=True)
    cells = lines[0].split(b",")
    cells[8] = str(int(cells[8]) + 1).encode()  # the number of trades was corrected
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(about, b",".join(cells) + b"".join(lines[1:]))
    return held.getvalue()
