"""The Z-order curve over Web Mercator: a map tile is one contiguous run of sorted codes.

A position becomes two integers of `BITS` bits (0,0 is the north-west corner of the world), their
bits interleaved into one code. All points of tile z/x/y share the first 2·z bits of their code.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

BITS: Final = 31  # per axis: 2 cm at the equator

_LIMIT: Final = 85.0511287798066  # degrees; where Web Mercator is square
_STEPS: Final = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def _spread(values: ArrayLike) -> NDArray[np.uint64]:
    v = np.asarray(values).astype(np.uint64)
    for shift, mask in _STEPS:
        v = (v | v << np.uint64(shift)) & np.uint64(mask)
    return v


def _gather(codes: NDArray[np.uint64]) -> NDArray[np.int64]:
    v = codes & np.uint64(_STEPS[-1][1])
    masks = (*(mask for _, mask in reversed(_STEPS[:-1])), 0xFFFFFFFF)
    for (shift, _), mask in zip(reversed(_STEPS), masks, strict=True):
        v = (v | v >> np.uint64(shift)) & np.uint64(mask)
    return v.astype(np.int64)


def interleave(x: ArrayLike, y: ArrayLike) -> NDArray[np.uint64]:
    """Return the codes of integer coordinates below 2**32."""
    return _spread(x) | _spread(y) << np.uint64(1)


def separate(codes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return x, y of codes; the inverse of `interleave`."""
    return _gather(codes), _gather(codes >> np.uint64(1))


def encode(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.uint64]:
    """Return the codes of degrees; what lies beyond the square world is moved to its edge."""
    sine = np.sin(np.radians(np.clip(np.asarray(lat, np.float64), -_LIMIT, _LIMIT)))
    across = np.asarray(lon, np.float64) / 360.0 + 0.5
    down = 0.5 - np.log((1.0 + sine) / (1.0 - sine)) / (4.0 * np.pi)
    size = float(1 << BITS)
    return interleave(
        np.clip(across * size, 0.0, size - 1.0).astype(np.uint64),
        np.clip(down * size, 0.0, size - 1.0).astype(np.uint64),
    )
