"""The formulas that a model file may name as a node, with what each parameter is and which way it pulls.

A number outside a parameter's range is unknown here: one impossible record must not stop a layer, and
must not make its point safer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.formulas import fire_weather, slope, water
from riskmap.formulas import slope as rain

_INF: Final = float("inf")


FIRMEST: Final = 1000.0


"""What a factor of safety counts as at most: level ground is infinitely safe, and infinity is no score."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a formula needs: what it is, its unit, its range, and how the result goes with it.

    `sign` +1: the result never falls as it grows, −1: never rises, 0: neither is promised. `open_low`
    and `open_high`: the end itself is outside.
    """

    title: Text
    unit: str
    sign: Literal[-1, 0, 1]
    low: float = 0.0
    high: float = _INF
    open_low: bool = False
    open_high: bool = False

    @property
    def label(self) -> Text:
        """The title with its unit."""
        if not self.unit:
            return self.title
        return Text(f"{self.title.zh}（{self.unit}）", f"{self.title.en} ({self.unit})")

    def possible(self, number: Floats) -> Floats:
        """Return the numbers inside the range, NaN for the others."""
        with np.errstate(invalid="ignore"):
            low = number > self.low if self.open_low else number >= self.low
            high = number < self.high if self.open_high else number <= self.high
        return np.where(low & high, number, np.nan)


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula: its parameters by name, and the function of them (keyword arguments, arrays)."""

    title: Text
    unit: str
    parameters: Mapping[str, Parameter]
    function: Callable[..., Floats]
    source: str

    def __call__(self, given: Mapping[str, ArrayLike]) -> Floats:
        """Return the result where every parameter is known and possible, NaN elsewhere."""
        numbers = {
            name: parameter.possible(np.asarray(given[name], dtype=np.float64))
            for name, parameter in self.parameters.items()
        }
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return self.function(**numbers)


def _infinite_slope(**given: ArrayLike) -> Floats:
    return np.minimum(slope.infinite_slope_safety(**given), FIRMEST)


def _sinmap(
    *,
    cohesion: ArrayLike,
    friction: ArrayLike,
    angle: ArrayLike,
    recharge: ArrayLike,
    catchment: ArrayLike,
    transmissivity: ArrayLike,
    density_ratio: ArrayLike,
) -> Floats:
    wetness = slope.sinmap_wetness(
        recharge=recharge, catchment=catchment, transmissivity=transmissivity, angle=angle
    )
    safety = slope.sinmap_safety(
        cohesion=cohesion, friction=friction, angle=angle, wetness=wetness, density_ratio=density_ratio
    )
    return np.minimum(safety, FIRMEST)


def _rain_ratio(*, intensity: ArrayLike, hours: ArrayLike) -> Floats:
    return np.asarray(np.asarray(intensity, dtype=np.float64) / rain.threshold_intensity(hours), np.float64)


def _ponded(**given: ArrayLike) -> Floats:
    return np.asarray(water.depression_balance(**given).left, dtype=np.float64)


def _angle(sign: Literal[-1, 0, 1]) -> Parameter:
    return Parameter(Text("坡角", "slope angle"), "°", sign, high=90.0, open_high=True)


_FRICTION: Final = Parameter(Text("内摩擦角", "friction angle"), "°", 1, high=90.0, open_high=True)


_CATCHMENT: Final = Text("单位汇水面积", "specific catchment")


_CURVE_NUMBER: Final = Parameter(Text("CN 值", "curve number"), "", 1, high=100.0, open_low=True)


_RAIN: Final = Parameter(Text("降水量", "rain"), "mm", 1)


FORMULAS: Final[Mapping[str, Formula]] = {
    "infinite_slope": Formula(
        Text("无限斜坡稳定系数 FS", "Infinite slope, factor of safety"),
        "",
        {
            "cohesion": Parameter(Text("黏聚力", "cohesion"), "kPa", 1),
            "friction": _FRICTION,
            # Lighter than water it would float, and friction would hold it less.
            "weight": Parameter(Text("重度", "unit weight"), "kN/m³", 0, low=slope.WATER, open_low=True),
            "depth": Parameter(Text("滑面深度", "depth"), "m", -1, open_low=True),
            "angle": _angle(0),  # beyond 45° the cohesion's share grows again
            "wetness": Parameter(Text("饱水比 0–1", "wetness 0–1"), "", -1, high=1.0),
        },
        _infinite_slope,
        "Skempton & DeLory 1957",
    ),
    "sinmap": Formula(
        Text("SINMAP 稳定系数 FS", "SINMAP, factor of safety"),
        "",
        {
            "cohesion": Parameter(Text("无量纲黏聚力 C", "dimensionless cohesion C"), "", 1),
            "friction": _FRICTION,
            "angle": _angle(0),  # steeper ground drains better, which works against its own weight
            "recharge": Parameter(Text("补给量", "recharge"), "m/d", -1),
            "catchment": Parameter(_CATCHMENT, "m", -1),
            "transmissivity": Parameter(Text("导水系数", "transmissivity"), "m²/d", 1, open_low=True),
            "density_ratio": Parameter(Text("水土密度比", "density ratio"), "", -1, high=1.0),
        },
        _sinmap,
        "Pack, Tarboton & Goodwin 1998",
    ),
    "rain_ratio": Formula(
        Text("雨强 ÷ Caine 阈值", "Rain intensity ÷ Caine's threshold"),
        "",
        {
            "intensity": Parameter(Text("雨强", "intensity"), "mm/h", 1),
            "hours": Parameter(Text("历时", "duration"), "h", 1, open_low=True),
        },
        _rain_ratio,
        "Caine 1980",
    ),
    "scs_runoff": Formula(
        Text("SCS-CN 径流深", "SCS-CN runoff"),
        "mm",
        {"rain": _RAIN, "curve_number": _CURVE_NUMBER},
        water.scs_runoff,
        "USDA NEH 630, chapter 10",
    ),
    "ponded_volume": Formula(
        Text("洼地滞留水量", "Water left in the depression"),
        "m³",
        {
            "area_ha": Parameter(Text("汇水面积", "catchment"), "ha", 1),
            "curve_number": _CURVE_NUMBER,
            "rain": _RAIN,
            "hours": Parameter(Text("历时", "duration"), "h", -1),
            "drain": Parameter(Text("排水能力", "drain"), "m³/s", -1),
        },
        _ponded,
        "SCS-CN 与排水的水量平衡 · SCS-CN against the drain",
    ),
    "cone_depth": Formula(
        Text("锥形洼地水深", "Depth in a cone"),
        "m",
        {
            "volume": Parameter(Text("水量", "volume"), "m³", 1),
            "run": Parameter(Text("坡比 1:n 的 n", "run n of the slope 1:n"), "", -1, open_low=True),
        },
        water.cone_depth,
        "圆锥体积 · volume of a cone",
    ),
    "htz": Formula(
        Text("全国森林火险天气指数 HTZ", "National fire weather index HTZ"),
        "",
        {
            "temperature": Parameter(Text("最高气温", "highest temperature"), "°C", 1, low=-90.0, high=60.0),
            "humidity": Parameter(Text("最小相对湿度", "least relative humidity"), "%", -1, high=100.0),
            "rainless": Parameter(Text("无雨日数", "days without rain"), "d", 1),
            "force": Parameter(Text("风力等级", "wind force"), "", 1, high=17.0),
            "season": Parameter(Text("季节订正 0–20", "correction of the season, 0–20"), "", -1, high=20.0),
        },
        fire_weather.htz,
        "LY/T 1172-95，据 doi 10.12677/wjf.2020.93016 表 5–11 转引，未见原文（草案） · as reprinted there, draft",
    ),
    "topographic_wetness": Formula(
        Text("地形湿度指数", "Topographic wetness"),
        "",
        {
            "catchment": Parameter(_CATCHMENT, "m", 1, open_low=True),
            "slope": Parameter(Text("坡度", "slope"), "°", -1, high=90.0, open_high=True),
        },
        water.topographic_wetness,
        "Beven & Kirkby 1979",
    ),
}
