"""Random numbers by address: the same key and counter give the same word, in any order."""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_WORD_BITS: Final = 64
_GOLDEN = np.uint64(
    0x9E3779B97F4A7C15
)  # 2^64 over the golden ratio, odd; all three are SplitMix64's
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def key_of(seed: int, *labels: str) -> int:
    """Return a 63-bit key for one purpose of one seed."""
    text = "/".join((str(seed), *labels)).encode()
    # Not `hash`, which is salted: every process must generate the same market.
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def words(key: int, counters: I64) -> U64:
    """Return one 64-bit word for each counter.

    Source: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators",
    SplitMix64; here the counter is the index into the sequence.
    """
    state = counters.astype(np.uint64)
    state *= _GOLDEN
    state += np.uint64(key)
    shifted = state >> np.uint64(30)
    state ^= shifted
    state *= _FIRST
    state ^= np.right_shift(state, np.uint64(27), out=shifted)
    state *= _SECOND
    state ^= np.right_shift(state, np.uint64(31), out=shifted)
    return state


def lane(source: U64, shift: int, bits: int) -> I64:
    """Return `bits` bits of each word, from bit `shift` upwards, as integers."""
    found = source >> np.uint64(shift)
    if shift + bits < _WORD_BITS:
        found &= np.uint64((1 << bits) - 1)
    return found.view(np.int64)


def normals(source: U64) -> F64:
    """Return nearly standard normal numbers, bounded by 3.47.

    Source: Irwin-Hall distribution, the sum of the four 16-bit lanes of each word.
    """
    total = sum(lane(source, shift, 16) for shift in (0, 16, 32, 48))
    # The sum of four uniform numbers from 0 to 1 has a mean of 2 and a variance of 1/3.
    return np.asarray((total / 65536.0 - 2.0) * np.sqrt(3.0), dtype=np.float64)
