"""CityHash128 as ClickHouse froze it, version 1.0.2: the checksum of its compressed blocks.

Source: CityHash 1.0.2 by Geoff Pike and Jyrki Alakuijala (Google, MIT licence), city.cc.
"""

from struct import unpack_from
from typing import Final

_MASK: Final = (1 << 64) - 1
_K0: Final = 0xC3A5C85C97CB3127
_K1: Final = 0xB492B66FBE98F273
_K2: Final = 0x9AE16A3B2F90404F
_K3: Final = 0xC949D7C7509E6557
_MULTIPLIER: Final = 0x9DDFEA08EB382D69
_CHUNK: Final = 128
_PIECE: Final = 32
_WORD: Final = 8
_HALF: Final = 4


def cityhash128(data: bytes) -> bytes:
    """The hash of some bytes, 16 of them, low half first."""
    size = len(data)
    if size >= 2 * _WORD:
        rest, low, high = data[16:], _word(data, 0) ^ _K3, _word(data, _WORD)
    elif size >= _WORD:
        rest, low = b"", _word(data, 0) ^ (size * _K0 & _MASK)
        high = _word(data, size - _WORD) ^ _K1
    else:
        rest, low, high = data, _K0, _K1
    first, second = (_long if len(rest) >= _CHUNK else _short)(rest, low, high)
    return first.to_bytes(8, "little") + second.to_bytes(8, "little")


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _WORD], "little")


def _rotate(value: int, by: int) -> int:
    value &= _MASK
    return (value >> by | value << (64 - by)) & _MASK


def _shift_mix(value: int) -> int:
    value &= _MASK
    return value ^ value >> 47


def _pair(low: int, high: int) -> int:
    """Two words to one."""
    low, high = low & _MASK, high & _MASK
    once = _shift_mix((low ^ high) * _MULTIPLIER)
    return _shift_mix((high ^ once) * _MULTIPLIER) * _MULTIPLIER & _MASK


def _up_to_16(data: bytes) -> int:
    size = len(data)
    if size > _WORD:
        last = _word(data, size - _WORD)
        return _pair(_word(data, 0), _rotate(last + size, size)) ^ last
    if size >= _HALF:
        head, tail = unpack_from("<I", data)[0], unpack_from("<I", data, size - _HALF)[0]
        return _pair(size + (head << 3), tail)
    if not size:
        return _K2
    y = data[0] + (data[size >> 1] << 8)
    z = size + (data[-1] << 2)
    return _shift_mix(y * _K2 ^ z * _K3) * _K2 & _MASK


def _short(data: bytes, a: int, b: int) -> tuple[int, int]:
    size = len(data)
    if size <= 2 * _WORD:
        a = _shift_mix(a * _K1) * _K1 & _MASK
        c = (b * _K1 + _up_to_16(data)) & _MASK
        d = _shift_mix(a + (_word(data, 0) if size >= _WORD else c))
    else:
        c = _pair(_word(data, size - 8) + _K1, a)
        d = _pair(b + size, c + _word(data, size - 16))
        a += d
        for at in range(0, size - 16, 16):
            a = (a ^ _shift_mix(_word(data, at) * _K1) * _K1) * _K1 & _MASK
            b ^= a
            c = (c ^ _shift_mix(_word(data, at + 8) * _K1) * _K1) * _K1 & _MASK
            d ^= c
    a, b = _pair(a, c), _pair(d, b)
    return a ^ b, _pair(b, a)


def _weak(words: tuple[int, ...], a: int, b: int) -> tuple[int, int]:
    """32 bytes, as four words, and two seeds to two words."""
    a += words[0]
    b = _rotate(b + a + words[3], 21)
    c = a
    a += words[1] + words[2]
    return (a + words[3]) & _MASK, (b + _rotate(a, 44) + c) & _MASK


def _long(data: bytes, x: int, y: int) -> tuple[int, int]:
    left = len(data) % _CHUNK
    z = len(data) * _K1 & _MASK
    v0 = _rotate(y ^ _K1, 49) * _K1 + _word(data, 0) & _MASK
    v = v0, _rotate(v0, 42) * _K1 + _word(data, 8) & _MASK
    w = _rotate(y + z, 35) * _K1 + x & _MASK, _rotate(x + _word(data, 88), 53) * _K1 & _MASK
    for at in range(0, len(data) - left, 64):
        s = unpack_from("<8Q", data, at)
        x = _rotate(x + y + v[0] + s[2], 37) * _K1 & _MASK ^ w[1]
        y = _rotate(y + v[1] + s[6], 42) * _K1 & _MASK ^ v[0]
        z = _rotate(z ^ w[0], 33)
        v = _weak(s[:4], v[1] * _K1, x + w[0])
        w = _weak(s[4:], z + w[1], y)
        z, x = x, z
    return _finished(data, left, (x, y, z), v, w)


def _finished(
    data: bytes, left: int, xyz: tuple[int, int, int], v: tuple[int, int], w: tuple[int, int]
) -> tuple[int, int]:
    x, y, z = xyz
    w0, w1 = w
    y += _rotate(w0, 37) * _K0 + z
    x += _rotate(v[0] + z, 49) * _K0
    for done in range(_PIECE, left + _PIECE, _PIECE):
        s = unpack_from("<4Q", data, len(data) - done)
        y = _rotate(y - x, 42) * _K0 + v[1]
        w0 += s[2]
        x = _rotate(x, 49) * _K0 + w0
        w0 += v[0]
        v = _weak(s, v[0], v[1])
    x, y = _pair(x, v[0]), _pair(y, w0)
    return _pair(x + v[1], w1) + y & _MASK, _pair(x + w1, y + v[1])
