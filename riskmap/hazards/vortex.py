"""One cyclone's wind at places, node by node: the models behind `wind_field`, on chunks that stay in the cache.

Distances are on a plane at each node, 111.12 km a degree with the cosine of the node's latitude. float32:
a place then keeps its centimetres and a wind its fourth digit behind the point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.errors import RiskmapError, Text
from riskmap.formulas import wind
from riskmap.formulas.wind import ASYMMETRY, in_quadrants, inferred_radius, radii_wind
from riskmap.hazards.track import Nodes
from riskmap.interface import option

Model = Literal["holland1980", "holland2008", "holland2010", "radii"]


MODELS: Final[tuple[Model, ...]] = get_args(Model)


Singles = NDArray[np.float32]


_DIAGONAL: Final = np.float32(np.sqrt(0.5))


_NEAREST: Final = np.float32(1e-3)  # km; at the very centre no wind has a direction


class Vortex:
    """The wind of every node of a track under one model.

    `averaging` is over how many minutes the winds are means (NaN: not stated); `fallen`: model → at
    how many nodes it stands in for `radii`; `reach` float64[nodes], km, beyond which there is no wind.
    """

    def __init__(self, nodes: Nodes, model: Model) -> None:
        if model not in MODELS:
            raise RiskmapError(
                f"{option('model')}：没有 {model!r}；可用 {'、'.join(MODELS)}",
                f"{option('model', 'en')}: no {model!r}; one of {', '.join(MODELS)}",
            )
        self.nodes, self.model = nodes, model
        self.averaging = 1.0 if model in {"holland2008", "holland2010"} else nodes.averaging
        count = len(nodes)
        self._by: list[Model] = [model] * count
        self._radius = nodes.radius.copy()
        self._scale = np.ones(count)
        self.reach = np.full(count, wind.FARTHEST)
        self._inferred = 0
        if model == "radii":
            self._radii_of_nodes()
        self.fallen = {m: self._by.count(m) for m in MODELS if m != model and m in self._by}
        self._b1980 = wind.b_1980(nodes.wind, nodes.speed, nodes.drop)
        self._b2008 = wind.b_2008(drop=nodes.drop, tendency=nodes.tendency, lat=nodes.lat, motion=nodes.speed)
        self._strongest = wind.wind_2008(self._b2008, nodes.drop)
        self._periphery = wind.periphery_exponent(
            strongest=self._strongest, b=self._b2008, radius=self._radius
        )
        self._east = (wind.DEGREE * np.cos(np.radians(nodes.lat))).astype(np.float32)

    def notes(self) -> tuple[Text, ...]:
        """Return what was filled, inferred from radii and where the model fell back, for a person to read."""
        steps = len(self.nodes)
        said = list(self.nodes.filled)
        if self._inferred:
            zh = f"最大风速半径由风圈推算：{self._inferred} 个时次（共 {steps} 个）"
            en = f"radius of maximum wind inferred from the issued radii at {self._inferred} of {steps} steps"
            said.append(Text(zh, en))
        for stand_in, count in self.fallen.items():
            zh = f"{count} 个时次没有风圈半径，改用 {stand_in}（共 {steps} 个）"
            said.append(Text(zh, f"no radii at {count} of {steps} steps, {stand_in} there"))
        return tuple(said)

    def offsets(
        self, node: int, x: Singles, y: Singles, origin: tuple[float, float]
    ) -> tuple[Singles, Singles]:
        """Return how far east and north, km, places lie from a node; x, y are degrees from `origin` (lon, lat)."""
        lon = (self.nodes.lon[node] - origin[0] + 180.0) % 360.0 - 180.0
        east = (x - np.float32(lon)) * self._east[node]
        north = (y - np.float32(self.nodes.lat[node] - origin[1])) * np.float32(wind.DEGREE)
        return east, north

    def squared(self, node: int, east: Singles, north: Singles, *, moved: float = 0.0) -> Singles:
        """Return the square of the wind, m²/s², at places east and north of a node (km); 0 out of reach.

        With `moved` (km) above 0 the centre may lie that much nearer: the strongest wind of those distances;
        below 0 that much farther.
        """
        square = east * east + north * north
        away = np.sqrt(square)
        np.maximum(away, _NEAREST, out=away)
        nodes, radius = self.nodes, float(self._radius[node])
        at: Any = away
        if moved > 0:
            at = np.clip(np.float32(radius), away - np.float32(moved), away + np.float32(moved))
        elif moved < 0:
            at = away - np.float32(moved)
        # the motion along the circle round the centre: adds on the right of the track (north), on the left (south)
        along: Any = (east * np.float32(nodes.north[node]) - north * np.float32(nodes.east[node])) / away
        along *= np.float32(nodes.sign)
        if self._by[node] == "radii":
            out: Any = np.square(self._by_radii(node, east / away, north / away, at, along))
        else:
            out = self._holland(node, at, along)
            if self._scale[node] != 1.0:
                out *= np.float32(self._scale[node] ** 2)
        out[(at > np.float32(self.reach[node])) | (square <= _NEAREST**2)] = 0.0
        return out

    def _holland(self, node: int, at: Singles, along: Singles) -> Singles:
        nodes, radius, speed = self.nodes, float(self._radius[node]), float(self.nodes.speed[node])
        by = self._by[node]
        share = np.minimum(np.float32(1.0), np.float32(radius) / at)
        if by == "holland2010":
            turning: Any = wind.holland2010_wind(
                at,
                radius=radius,
                strongest=float(self._strongest[node]),
                b=float(self._b2008[node]),
                periphery=float(self._periphery[node]),
            )
        else:
            b = self._b1980 if by == "holland1980" else self._b2008
            turning = wind.gradient_wind(
                at, radius=radius, drop=float(nodes.drop[node]), b=float(b[node]), lat=float(nodes.lat[node])
            )
            if by == "holland1980":
                turning *= np.float32(wind.SURFACE)
        if by != "holland1980":  # these winds hold the motion already
            turning -= share * np.float32(speed)
        return turning * (turning + 2.0 * share * along) + np.square(share * np.float32(speed))

    def _by_radii(self, node: int, east: Any, north: Any, at: Singles, along: Singles) -> Singles:
        nodes = self.nodes
        northeast, southeast = (east + north) * _DIAGONAL, (east - north) * _DIAGONAL
        weaker = np.float32(ASYMMETRY) * (np.float32(nodes.speed[node]) - along)
        strongest = np.maximum(np.float32(nodes.wind[node]) - weaker, np.float32(0.0))
        anchors: list[tuple[float, Any]] = []
        for speed, four in sorted(self._anchors.items(), reverse=True):
            if four[node].max() > 0:
                alike = np.ptp(four[node]) == 0
                radii = np.float32(four[node, 0]) if alike else in_quadrants(four[node], northeast, southeast)
                anchors.append((speed, radii))
        return radii_wind(at, radius=float(self._radius[node]), strongest=strongest, anchors=anchors)

    def _radii_of_nodes(self) -> None:
        """Settle by node what stands in for blank quadrants, where the maximum lies and how far the wind goes."""
        nodes = self.nodes
        anchors: dict[float, Floats] = {}
        for speed, four in nodes.radii.items():
            known = np.isfinite(four)
            count = known.sum(axis=1)
            mean = np.where(count > 0, np.where(known, four, 0.0).sum(axis=1) / np.maximum(count, 1), 0.0)
            anchors[speed] = np.where(known, four, mean[:, None])
        self._anchors: Mapping[float, Floats] = anchors
        for node in range(len(nodes)):
            usable = [
                (speed, four[node])
                for speed, four in sorted(anchors.items(), reverse=True)
                if four[node].max() > 0 and speed < nodes.wind[node]
            ]
            if not usable:
                self._fall_back(node)
                continue
            if not nodes.radius_stated[node]:
                speed, four = usable[0]
                self._inferred += 1
                mean = float(four.mean())
                self._radius[node] = inferred_radius(nodes.wind[node], speed, mean)
            self.reach[node] = max(wind.FARTHEST, *(float(four.max()) for _, four in usable))

    def _fall_back(self, node: int) -> None:
        """Choose what stands in for radii: the model that takes the issued wind, or else the one that needs only pressure."""
        if self.nodes.wind_stated[node]:
            self._by[node] = "holland1980"
            return
        self._by[node] = "holland2010"
        factor = wind.averaging_factor(1.0, self.nodes.averaging)
        self._scale[node] = 1.0 if np.isnan(factor) else factor
