"""Raster operations with definite types (scipy.ndimage leaves open what its functions return)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from riskmap.demo.noise import Field

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]


def labelled(mask: Mask) -> tuple[Labels, int]:
    """Number the parts of a mask from 1 (0 outside); cells are joined by their sides, not their corners."""
    labels = np.zeros(mask.shape, np.int32)
    count = ndimage.label(mask, output=labels)
    return labels, int(count)  # type: ignore[arg-type]


def main_part(mask: Mask) -> Mask:
    """Keep the largest part of a mask."""
    parts, count = labelled(mask)
    if count <= 1:
        return mask
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def rounded(mask: Mask, within: Mask, *, size: int = 2) -> Mask:
    """Drop spits and fill inlets narrower than `size` cells on either side, and fill holes."""
    disc = np.hypot(*np.mgrid[-size : size + 1, -size : size + 1]) <= size + 0.3
    opened = np.asarray(ndimage.binary_opening(mask, disc), bool)
    closed = np.asarray(ndimage.binary_closing(opened, disc), bool) & within
    return np.asarray(ndimage.binary_fill_holes(closed), bool) & within


def shrunk(mask: Mask) -> Mask:
    """Take one cell off all around."""
    return np.asarray(ndimage.binary_erosion(mask), bool)


def grown(mask: Mask) -> Mask:
    """Add one cell all around, corners too."""
    return np.asarray(ndimage.binary_dilation(mask, np.ones((3, 3), bool)), bool)


def blurred(field: ArrayLike, cells: float) -> Field:
    """Return the field smoothed with a Gaussian of this standard deviation."""
    return np.asarray(ndimage.gaussian_filter(np.asarray(field, np.float64), cells), np.float64)


def surroundings(field: Field, cells: int) -> Field:
    """Return the mean of the square of `cells` × `cells` around each cell."""
    return np.asarray(ndimage.uniform_filter(field, cells), np.float64)


def finer(field: Field) -> Field:
    """Return the field on cells of half the side."""
    return np.asarray(ndimage.zoom(field, 2, order=3, mode="nearest", grid_mode=True), np.float64)


def smoothed_line(xy: Field, strength: float, *, ring: bool) -> Field:
    """Return points smoothed along their line; a ring all round, else up to the ends."""
    mode = "wrap" if ring else "nearest"
    return np.asarray(ndimage.gaussian_filter1d(xy, strength, axis=0, mode=mode), np.float64)
