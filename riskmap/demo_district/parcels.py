"""Who owns which ground: the district, its sub-districts and the forest grids, as one coverage.

The ground is divided on a raster of 80 m by paths that avoid crossing ridges and rivers, so borders
follow them. All borders are then drawn as one set of lines and smoothed once: what two neighbours
share is the same vertices, and sub-districts and forest grids end exactly where the others begin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiLineString, Polygon

from riskmap.demo_district.land import (
    CELL,
    COLS,
    ROWS,
    Field,
    Labels,
    Land,
    LandGrid,
    Mask,
    blurred,
    labelled,
    main_part,
    rounded,
    shrunk,
    smooth_noise,
    smoothed_line,
)

BLOCK = 2  # one cell of this raster is BLOCK × BLOCK cells of the land


SIDE = BLOCK * CELL


SHAPE = (ROWS // BLOCK, COLS // BLOCK)


DISTRICT_KM2 = 258.0


SUBDISTRICTS = 10


FOREST_HA = 10_357.15


GRIDS = 35


MARGIN = 4  # cells kept free at the raster's edge


@dataclass(frozen=True, slots=True)
class Parcels:
    """Polygons in metres (EPSG:4547): `district`, `subdistricts` in number order, `grids` of forest.

    Sub-districts tile the district, grids tile the forest; shared edges are identical.
    """

    district: Polygon
    subdistricts: tuple[Polygon, ...]
    grids: tuple[Polygon, ...]


def _mean(field: Field) -> Field:
    return field.reshape(SHAPE[0], BLOCK, SHAPE[1], BLOCK).mean(axis=(1, 3))


def _district(land: Mask, cost: Field, grid: LandGrid) -> Mask:
    """The ground that is nearest, by cost, to the centre: as much of it as the district is to have."""
    wanted = round(DISTRICT_KM2 * 1e6 / SIDE**2)
    centre = np.ravel_multi_index((SHAPE[0] // 2, SHAPE[1] // 2), SHAPE)
    free = np.where(land, cost, np.inf)
    distance = grid.walk(free.ravel(), np.array([centre]))[0].reshape(SHAPE)
    inner = np.zeros(SHAPE, bool)
    inner[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    distance[~inner] = np.inf
    limit = np.partition(distance.ravel(), wanted)[wanted]
    return main_part(rounded(distance <= limit, land & inner, size=4))


def spread_out(rng: np.random.Generator, weight: Field, count: int, *, rounds: int = 12) -> NDArray[np.intp]:
    """Return `count` flat cell indexes spread over the weight (k-means), each on a cell with weight."""
    cells = np.flatnonzero(weight.ravel() > 0)
    rows, cols = np.divmod(cells, weight.shape[1])
    xy = np.column_stack((rows, cols)).astype(float)
    w = weight.ravel()[cells]
    centres = xy[[rng.choice(len(cells), p=w / w.sum())]]
    while len(centres) < count:
        gap = np.min(((xy[:, None, :] - centres[None]) ** 2).sum(axis=2), axis=1) * w
        centres = np.vstack((centres, xy[np.argmax(gap)]))
    for _ in range(rounds):
        mine = np.argmin(((xy[:, None, :] - centres[None]) ** 2).sum(axis=2), axis=1)
        total = np.bincount(mine, w, minlength=count)
        centres = np.column_stack(
            [
                np.where(total > 0, np.bincount(mine, w * xy[:, k], minlength=count) / total, centres[:, k])
                for k in (0, 1)
            ]
        )
    near = ((xy[:, None, :] - centres[None]) ** 2).sum(axis=2)
    chosen: list[int] = []
    for k in range(count):
        order = np.argsort(near[:, k], kind="stable")
        chosen.append(next(int(i) for i in order if int(i) not in chosen))
    return cells[chosen]


def _divided(mask: Mask, cost: Field, sources: NDArray[np.intp], grid: LandGrid) -> Labels:
    """Label each cell of the mask with the source (0, 1, …) that reaches it most cheaply, −1 elsewhere."""
    owner = grid.walk(np.where(mask, cost, np.inf).ravel(), sources)[2]
    number = np.full(mask.size, -1, np.int32)
    number[sources] = np.arange(len(sources))
    reached = owner >= 0
    labels = np.full(mask.size, -1, np.int32)
    labels[reached] = number[owner[reached]]
    return np.where(mask, labels.reshape(mask.shape), -1)


def _forest(woods: Field, district: Mask) -> Mask:
    """The most wooded ground of the district, in compact pieces, close to the area it is to have."""
    wanted = FOREST_HA * 1e4 / SIDE**2
    allowed = shrunk(district)
    low, high = 0.0, float(district.sum())
    best = np.zeros(SHAPE, bool)
    ranked = np.sort(woods[allowed])[::-1]
    for _ in range(14):
        middle = (low + high) / 2
        limit = ranked[min(len(ranked) - 1, int(middle))]
        mask = rounded((woods >= limit) & allowed, allowed)
        parts, _ = labelled(mask)
        size = np.bincount(parts.ravel())
        mask &= (size >= 110)[parts]  # pieces under 70 ha are parks, not forest
        if abs(mask.sum() - wanted) < abs(best.sum() - wanted):
            best = mask
        if mask.sum() < wanted:
            low = middle
        else:
            high = middle
    return best


def _forest_grids(
    rng: np.random.Generator, forest: Mask, subdistrict: Labels, cost: Field, grid: LandGrid
) -> Labels:
    """Divide the forest into GRIDS connected pieces that keep to sub-districts where they are large enough."""
    pieces, count = labelled(forest & (subdistrict == 0))
    for number in range(1, SUBDISTRICTS):
        more, extra = labelled(forest & (subdistrict == number))
        pieces = np.where(more > 0, more + count, pieces)
        count += extra
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    fair = forest.sum() / GRIDS
    large = np.flatnonzero(sizes >= 0.3 * fair)
    # Every separate stretch of forest needs a grid of its own, however it is cut by borders.
    stretches, stretch_count = labelled(forest)
    for stretch in range(1, stretch_count + 1):
        inside = np.unique(pieces[stretches == stretch]) - 1
        if not np.isin(inside, large).any():
            large = np.append(large, inside[np.argmax(sizes[inside])])
    large = large[np.argsort(-sizes[large], kind="stable")][:GRIDS]
    share = np.ones(len(large), int)
    while share.sum() < GRIDS:
        share[np.argmax(sizes[large] / share)] += 1
    labels = np.full(SHAPE, -1, np.int32)
    first = 0
    for piece, parts in zip(large, share, strict=True):
        mask = pieces == piece + 1
        sources = spread_out(rng, mask.astype(float), int(parts))
        mine = _divided(mask, cost, sources, grid)
        labels = np.where(mine >= 0, mine + first, labels)
        first += int(parts)
    return _absorbed(labels, forest, grid)


def _absorbed(labels: Labels, mask: Mask, grid: LandGrid) -> Labels:
    """Give cells of the mask that nobody owns to the nearest owner that reaches them inside the mask."""
    owned = np.flatnonzero((labels >= 0).ravel())
    owner = grid.walk(np.where(mask, 1.0, np.inf).ravel(), owned)[2]
    flat = labels.ravel().copy()
    reached = (owner >= 0) & mask.ravel()
    flat[reached] = labels.ravel()[owner[reached]]
    return flat.reshape(labels.shape)


def _borders(labels: Labels, west: float, north: float) -> NDArray[np.object_]:
    """Return the lines between cells of different labels, each from one meeting point to the next."""
    padded = np.pad(labels, 1, constant_values=-1)
    rows, cols = np.nonzero(padded[:, 1:] != padded[:, :-1])
    upright = np.stack((np.column_stack((cols, rows - 1)), np.column_stack((cols, rows))), axis=1)
    rows, cols = np.nonzero(padded[1:, :] != padded[:-1, :])
    level = np.stack((np.column_stack((cols - 1, rows)), np.column_stack((cols, rows))), axis=1)
    steps = np.concatenate((upright, level)).astype(float)
    steps[..., 0] = west + steps[..., 0] * SIDE
    steps[..., 1] = north - steps[..., 1] * SIDE
    merged = shapely.line_merge(MultiLineString(list(steps)))
    return shapely.get_parts(merged)


def _smoothed(line: LineString, strength: float) -> LineString:
    """Round off the steps of a border; its ends stay where they are (a ring is smoothed all round)."""
    xy = shapely.get_coordinates(line)
    if strength <= 0 or len(xy) < 4:
        return line
    if line.is_ring:
        ring = smoothed_line(xy[:-1], strength, ring=True)
        smooth = np.vstack((ring, ring[:1]))
    else:
        # Reflecting through the ends keeps them fixed.
        pad = min(len(xy) - 1, 8)
        head = 2 * xy[0] - xy[pad:0:-1]
        tail = 2 * xy[-1] - xy[-2 : -pad - 2 : -1]
        smooth = smoothed_line(np.vstack((head, xy, tail)), strength, ring=False)[pad : pad + len(xy)]
        smooth[0], smooth[-1] = xy[0], xy[-1]
    simple = LineString(smooth).simplify(6.0)
    return LineString(shapely.get_coordinates(simple))


def _faces(labels: Labels, land: Land) -> dict[int, Polygon]:
    """Return the polygon of every label, smoothed as much as stays valid."""
    arcs = _borders(labels, land.west, land.north)
    wanted = {int(v) for v in np.unique(labels) if v >= 0}
    for strength in (1.2, 0.8, 0.0):
        lines = [_smoothed(arc, strength) for arc in arcs]
        faces = shapely.get_parts(shapely.polygonize(lines))
        points = shapely.point_on_surface(faces)
        rows = ((land.north - shapely.get_y(points)) / SIDE).astype(int)
        cols = ((shapely.get_x(points) - land.west) / SIDE).astype(int)
        owner = labels[rows, cols]
        kept = owner >= 0
        owned = owner[kept].tolist()
        if (
            len(owned) == len(set(owned))
            and set(owned) == wanted
            and shapely.is_valid(faces[kept]).all()
            and shapely.coverage_is_valid(faces[kept])
        ):
            return dict(zip(owned, faces[kept].tolist(), strict=True))
    message = "the borders of the made-up land do not close"
    raise AssertionError(message)


def make_parcels(rng: np.random.Generator, land: Land) -> Parcels:
    """Divide the land. The forest grids have exactly FOREST_HA together, in the plane of EPSG:4547."""
    ground = _mean(land.sea.astype(np.float64)) == 0.0
    height, river = _mean(land.height), _mean(land.river)
    crest = np.clip(height - blurred(height, 8.0), 0.0, None) / 25.0
    across = 1.0 + crest + 5.0 * (river < 90.0)
    uneven = np.exp(0.5 * smooth_noise(rng, SHAPE, 14.0) + 0.35 * smooth_noise(rng, SHAPE, 4.0))
    grid, square = LandGrid(SHAPE), LandGrid(SHAPE, diagonals=False)

    district = _district(ground, (0.7 + 0.3 * across + height / 900.0) * uneven, grid)
    town = np.where(district, 0.22 + np.exp(-height / 60.0), 0.0)
    sources = spread_out(rng, town, SUBDISTRICTS)
    subdistrict = _divided(district, across * uneven, sources, square)
    subdistrict = _tidy(subdistrict, district, square)

    woods = blurred(_mean(land.slope) + height / 22.0, 1.6)
    forest = _forest(woods, district)
    grids = _forest_grids(rng, forest, subdistrict, across * uneven, square)
    grids = np.where(forest, grids, -1)
    return _drawn(subdistrict, grids, land)


def _joined(parts: list[Polygon]) -> Polygon:
    """Return the union of parts that meet along edges; edges of other parts keep their vertices."""
    whole = shapely.coverage_union_all(parts)
    if not isinstance(whole, Polygon):
        message = "a part of the made-up land is not in one piece"
        raise TypeError(message)
    return whole


def _tidy(labels: Labels, mask: Mask, grid: LandGrid) -> Labels:
    """Smooth the division by majority and keep every part in one piece."""
    count = labels.max() + 1
    votes = np.stack([blurred((labels == k).astype(float), 1.5) for k in range(count)])
    smooth = np.where(mask, votes.argmax(axis=0), -1).astype(np.int32)
    kept = np.full(labels.shape, -1, np.int32)
    for k in range(count):
        kept = np.where(main_part(smooth == k), k, kept)
    return _absorbed(kept, mask, grid)


def _drawn(subdistrict: Labels, grids: Labels, land: Land) -> Parcels:
    # One label per pair of owners, so that all borders come from the same lines. A forest grid may
    # cross a sub-district's border only where the piece beyond was too small to stand alone.
    pairs = np.where(subdistrict >= 0, subdistrict * (GRIDS + 1) + grids + 1, -1).astype(np.int32)
    pieces = np.full(SHAPE, -1, np.int32)
    owners: list[tuple[int, int]] = []
    for pair in np.unique(pairs[pairs >= 0]):
        parts, count = labelled(pairs == pair)
        for part in range(1, count + 1):
            pieces[parts == part] = len(owners)
            owners.append(divmod(int(pair), GRIDS + 1))
    faces = _faces(pieces, land)
    planned = [_joined([faces[i] for i, o in enumerate(owners) if o[1] == g + 1]) for g in range(GRIDS)]
    parts = [_joined([faces[i] for i, o in enumerate(owners) if o[0] == s]) for s in range(SUBDISTRICTS)]
    whole = _joined(parts)
    # Smoothing changed the forest's area by some thousandths: scale the whole plan to make it exact.
    centre = np.array([(land.west + COLS * CELL / 2), (land.north - ROWS * CELL / 2)])
    area = sum(g.area for g in planned)
    factor = (FOREST_HA * 1e4 / area) ** 0.5

    def fit(shape: Polygon) -> Polygon:
        return shapely.transform(shape, lambda xy: centre + (xy - centre) * factor)

    return Parcels(fit(whole), tuple(map(fit, parts)), tuple(map(fit, planned)))
