"""A network's weights as text: JSON of little-endian float32 in base64. No pickle."""

import base64
import binascii

import numpy as np
import orjson
from numpy.typing import NDArray

Weights = dict[str, NDArray[np.float32]]
_FLOAT = "<f4"


def text_of(weights: Weights) -> str:
    """Return named arrays as text; the same numbers always give the same text."""
    body = {name: [list(array.shape), _packed(array)] for name, array in weights.items()}
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


def weights_of(text: str) -> Weights:
    """Return the arrays of a text, bit for bit as they were written.

    Raises:
        ValueError: The text does not contain weights.
    """
    try:
        body = orjson.loads(text)
        return {name: _unpacked(shape, packed) for name, (shape, packed) in body.items()}
    except (AttributeError, TypeError, binascii.Error) as error:
        raise ValueError(f"no weights: {error}") from error


def _packed(array: NDArray[np.float32]) -> str:
    return base64.b64encode(array.astype(_FLOAT).tobytes()).decode()


def _unpacked(shape: list[int], packed: str) -> NDArray[np.float32]:
    raw = base64.b64decode(packed, validate=True)
    return np.frombuffer(raw, _FLOAT).reshape(shape).astype(np.float32)
