"""A map on paper: metres to millimetres, symbols and outlines as SVG, labels that do not overlap.

Paper coordinates are millimetres from the upper left corner of the map, y downwards; map coordinates are
metres of the district's projected grid. Letters are never part of a drawing: they are set by the typesetter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from riskmap.array_types import Bools, Floats

SCALES: Final = (
    *(500, 1000, 2000, 2500, 5000, 7500, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000),
    *(75_000, 80_000, 100_000, 120_000, 125_000, 150_000, 200_000, 250_000, 300_000, 400_000, 500_000),
)


_MARGIN: Final = 1.04  # of what must be seen, so that no symbol stands on the frame


_OUTSIDE_MM: Final = 3.0  # a symbol that far outside may still reach into the map


_CELL_MM: Final = 0.26  # two low symbols nearer than that print as one


_ALL_UP_TO: Final = 200_000  # symbols; above, those of low tiers are drawn once a cell


Bounds = tuple[float, float, float, float]  # west, south, east, north in metres


Relief = tuple[bytes, Bounds]  # a PNG in Web Mercator; its edges in degrees


@dataclass(frozen=True, slots=True)
class Frame:
    """A window of `width` × `height` mm at 1:`scale` around a centre in metres."""

    centre: tuple[float, float]
    width: float
    height: float
    scale: int

    @classmethod
    def around(cls, bounds: Bounds, width: float, height: float, *, scale: int | None = None) -> Frame:
        """Return the frame around bounds at the largest round scale that shows them all (or at `scale`)."""
        west, south, east, north = bounds
        need = max((east - west) / width, (north - south) / height) * _MARGIN * 1000
        fitting = next((one for one in SCALES if one >= need), math.ceil(need / 50_000) * 50_000)
        return cls(((west + east) / 2, (south + north) / 2), width, height, scale or fitting)

    @property
    def mm(self) -> float:
        """Millimetres on paper for a metre."""
        return 1000 / self.scale

    def place(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Return paper coordinates. Frame((500000, 2500000), 200, 170, 100000): its centre is (100, 85)."""
        return (
            (np.asarray(x, np.float64) - self.centre[0]) * self.mm + self.width / 2,
            self.height / 2 - (np.asarray(y, np.float64) - self.centre[1]) * self.mm,
        )

    def bounds(self) -> Bounds:
        """Return what the frame shows."""
        w, h = self.width / 2 / self.mm, self.height / 2 / self.mm
        return self.centre[0] - w, self.centre[1] - h, self.centre[0] + w, self.centre[1] + h

    def holds(self, x: ArrayLike, y: ArrayLike) -> Bools:
        """Return which positions lie in the frame; False where there is none."""
        px, py = self.place(x, y)
        return (px >= 0) & (py >= 0) & (px <= self.width) & (py <= self.height)


@dataclass(frozen=True, slots=True)
class Look:
    """How tiers are drawn, by rank: fills, radii in mm, and the rank from which a symbol has a rim.

    `marks`: ranks in whose symbol a line is drawn: its path from the middle, of a symbol of radius 1.
    """

    fills: tuple[str, ...]
    radii: tuple[float, ...]
    rim: int
    outline: Mapping[int, str]  # ranks whose fill needs a line around it to be seen on white
    marks: Mapping[int, str] = field(default_factory=dict[int, str])


def _corners(n: int, turn: float) -> list[tuple[float, float]]:
    return [(math.sin(turn + i * math.tau / n), -math.cos(turn + i * math.tau / n)) for i in range(n)]


_CORNERS: Final[Mapping[str, Sequence[tuple[float, float]]]] = {
    "triangle": [(0, -1.1), (1.05, 0.8), (-1.05, 0.8)],
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "diamond": [(0, -1.15), (1.15, 0), (0, 1.15), (-1.15, 0)],
    "house": [
        *((0, -1.15), (1.1, -0.15), (0.8, -0.15), (0.8, 0.95), (-0.8, 0.95), (-0.8, -0.15), (-1.1, -0.15))
    ],
    "pentagon": _corners(5, 0.0),
    "hexagon": _corners(6, math.pi / 6),
}


def symbol_path(name: str, r: float) -> tuple[tuple[float, float], str]:
    """Return where a symbol of radius `r` mm begins (from its centre), and its relative path."""
    if name in _CORNERS:
        points = [(a * r, b * r) for a, b in _CORNERS[name]]
        steps = pairwise(points)
        return points[0], "".join(f"l{b[0] - a[0]:.2f} {b[1] - a[1]:.2f}" for a, b in steps) + "z"
    if name == "drop":  # a curve down to the belly, half a circle below, a curve back
        k = 0.95 * r
        return (0, -1.3 * r), (
            f"c{0.35 * r:.2f} {0.7 * r:.2f} {k:.2f} {1.2 * r:.2f} {k:.2f} {1.6 * r:.2f}"
            f"a{k:.2f} {k:.2f} 0 0 1 {-2 * k:.2f} 0"
            f"c0 {-0.4 * r:.2f} {0.6 * r:.2f} {-0.9 * r:.2f} {k:.2f} {-1.6 * r:.2f}z"
        )
    return (-r, 0), f"a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"


def path_of(frame: Frame, geometry: BaseGeometry) -> str:
    """Return the path of polygons or lines in metres, straightened by at most .05 mm on paper."""
    parts: list[str] = []
    for part in shapely.get_parts(shapely.simplify(geometry, 0.05 / frame.mm)).tolist():
        closed = part.geom_type == "Polygon"
        for ring in [part.exterior, *part.interiors] if closed else [part]:
            x, y = frame.place(*shapely.get_coordinates(ring).T)
            corners = "L".join(f"{a:.2f} {b:.2f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
            parts.append(f"M{corners}{'Z' if closed else ''}")
    return "".join(parts)


def symbol_svg(name: str, rank: int, look: Look, *, size: float = 1.0) -> str:
    """Return one symbol with its rim as a picture of its own, for legends and lists."""
    r = 2.4 * size
    reach = r * 1.45
    (dx, dy), steps = symbol_path(name, r)
    body = _drawn(f"M{dx:.2f} {dy:.2f}{steps}", rank, look) + _marked([0.0], [0.0], r, rank, look)
    return svg(body, box=(-reach, -reach, 2 * reach, 2 * reach))


@dataclass(frozen=True, slots=True, eq=False)
class Symbols:
    """Records to draw as points: positions in metres, rank and layer number of each; symbol of each layer."""

    x: Floats
    y: Floats
    rank: NDArray[np.uint8]
    layer: NDArray[np.int64]
    shapes: Sequence[str]


def points_svg(frame: Frame, points: Symbols, look: Look) -> str:
    """Return the paths of all points in the frame, the worst last and so on top."""
    px, py = frame.place(points.x, points.y)
    near = (px > -_OUTSIDE_MM) & (px < frame.width + _OUTSIDE_MM)
    near &= (py > -_OUTSIDE_MM) & (py < frame.height + _OUTSIDE_MM)
    if np.count_nonzero(near) > _ALL_UP_TO:
        near &= _first_of_cell(px, py, points, look)
    parts: list[str] = []
    for rank in range(len(look.radii)):
        for layer, shape in enumerate(points.shapes):
            rows = np.flatnonzero(near & (points.rank == rank) & (points.layer == layer))
            if len(rows):
                parts.append(_symbols(px[rows], py[rows], shape, rank, look))
    return "".join(parts)


def thinned(n: int) -> bool:
    """Return whether so many symbols are drawn once a cell only, which a map must say."""
    return n > _ALL_UP_TO


def _first_of_cell(px: Floats, py: Floats, points: Symbols, look: Look) -> Bools:
    """Return which points are the first of their layer and tier in a cell of paper; all with a rim."""
    column, row = (np.nan_to_num(axis / _CELL_MM).astype(np.int64) for axis in (px, py))
    cell = ((column << 20) + row) * 1024 + points.rank.astype(np.int64) * 64 + points.layer
    first = np.zeros(len(px), bool)
    first[np.unique(cell, return_index=True)[1]] = True
    return first | (points.rank >= look.rim)


def _symbols(px: Floats, py: Floats, shape: str, rank: int, look: Look) -> str:
    radius, dot = look.radii[rank], shape == "circle" and rank < look.rim and rank not in look.outline
    # A dot is a round stroke of no length: a quarter of the bytes of two arcs.
    (dx, dy), steps = (
        ((0.0, 0.0), "h0") if dot else symbol_path(shape, radius * (1 if rank >= look.rim else 1.15))
    )
    path = "".join(
        f"M{a:.2f} {b:.2f}{steps}" for a, b in zip((px + dx).tolist(), (py + dy).tolist(), strict=True)
    )
    if dot:
        return (
            f'<path fill="none" stroke="{look.fills[rank]}" stroke-width="{2 * radius:.2f}" '
            f'stroke-linecap="round" d="{path}"/>'
        )
    return _drawn(path, rank, look) + _marked(px.tolist(), py.tolist(), radius, rank, look)


def _marked(x: Sequence[float], y: Sequence[float], radius: float, rank: int, look: Look) -> str:
    """Return the marks in symbols at these places, "" where their rank has none."""
    if rank not in look.marks:
        return ""
    mark = re.sub(r"-?\.?\d[\d.]*", lambda n: f"{float(n[0]) * radius:.2f}", look.marks[rank])
    path = "".join(f"M{a:.2f} {b:.2f}{mark}" for a, b in zip(x, y, strict=True))
    return f'<path fill="none" stroke="#000" stroke-width="{max(0.16 * radius, 0.12):.2f}" d="{path}"/>'


def _drawn(path: str, rank: int, look: Look) -> str:
    if rank < look.rim:
        line = (
            f'stroke="{look.outline[rank]}" stroke-width=".12"' if rank in look.outline else 'stroke="none"'
        )
        return f'<path fill="{look.fills[rank]}" {line} d="{path}"/>'
    # A dark line outside the white one keeps the shape on any ground.
    dark = f'<path fill="none" stroke="#222" stroke-width=".55" d="{path}"/>'
    return f'{dark}<path fill="{look.fills[rank]}" stroke="#fff" stroke-width=".25" d="{path}"/>'


def shapes_svg(frame: Frame, shapes: Iterable[tuple[BaseGeometry, int]], look: Look) -> str:
    """Return polygons (a thin wash of their tier within a line) and lines, with the rank of each, worst last."""
    parts: list[str] = []
    for geometry, rank in sorted(shapes, key=lambda one: one[1]):
        wash = "none" if "Line" in geometry.geom_type else look.fills[rank]
        width, line = 0.5 if rank >= look.rim else 0.3, look.outline.get(rank, look.fills[rank])
        parts.append(
            f'<path fill="{wash}" fill-opacity=".22" stroke="{line}" stroke-width="{width}" '
            f'd="{path_of(frame, geometry)}"/>'
        )
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Label:
    """A text at (x, y) mm, its upper left corner; not `shown` where no free place was found."""

    x: float
    y: float
    text: str
    shown: bool


Box = tuple[float, float, float, float]  # left, top, right, bottom in mm


# Where a label may stand beside its point, in that order.
_BESIDE: Final = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


def width_of(text: str, size: float) -> float:
    """Return about how wide a text is in letters `size` mm high."""
    return sum(1.0 if ord(letter) > 0x2E80 else 0.56 for letter in text) * size


def labels(
    frame: Frame,
    x: ArrayLike,
    y: ArrayLike,
    texts: Sequence[str],
    *,
    size: float,
    radius: float,
    taken: list[Box],
) -> list[Label]:
    """Place texts beside their points, first come first served, over nothing that is `taken`.

    What is placed is added to `taken`. A text without a free place belongs into the list beside the map.
    """
    px, py = frame.place(x, y)
    spots = list(zip(px.tolist(), py.tolist(), strict=True))
    taken += [(a - radius, b - radius, a + radius, b + radius) for a, b in spots]
    found: list[Label] = []
    for (a, b), text in zip(spots, texts, strict=True):
        wide, high, gap = width_of(text, size), size * 1.15, radius + 0.4
        corners = ((a + gap * i + wide * (i - 1) / 2, b + gap * j + high * (j - 1) / 2) for i, j in _BESIDE)
        free = next((c for c in corners if _free((*c, c[0] + wide, c[1] + high), frame, taken)), None)
        if free is None:
            found.append(Label(0, 0, text, shown=False))
            continue
        taken.append((*free, free[0] + wide, free[1] + high))
        found.append(Label(*free, text, shown=True))
    return found


def _free(box: Box, frame: Frame, taken: Sequence[Box]) -> bool:
    left, top, right, bottom = box
    if left < 0 or top < 0 or right > frame.width or bottom > frame.height:
        return False
    return not any(left < t[2] and right > t[0] and top < t[3] and bottom > t[1] for t in taken)


def svg(body: str, *, box: Box) -> str:
    """Return a picture whose units are the millimetres of `box` (left, top, width, height)."""
    left, top, wide, high = box
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{wide:.2f}mm" height="{high:.2f}mm" viewBox="{left:.2f} {top:.2f} {wide:.2f} {high:.2f}">{body}</svg>'
    )


def round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5 × a power of ten that is at least so large."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
