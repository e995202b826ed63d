"""The closed lists of the field: tiers, flags, kinds of warning, colours, responses, forces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np

from riskmap.errors import Say

Kind = Literal["typhoon", "rainstorm", "waterlogging", "geological", "forest_fire", "gale"]


KINDS: Final[Mapping[str, Say]] = {
    "typhoon": Say("台风", "Typhoon"),
    "rainstorm": Say("暴雨", "Rainstorm"),
    "waterlogging": Say("内涝", "Waterlogging"),
    "geological": Say("地质灾害", "Geological hazard"),
    "forest_fire": Say("森林火险", "Forest fire danger"),
    "gale": Say("大风", "Gale"),
}


Colour = Literal["white", "blue", "yellow", "orange", "red"]


COLOURS: Final[Mapping[str, Say]] = {
    "white": Say("白色", "White"),
    "blue": Say("蓝色", "Blue"),
    "yellow": Say("黄色", "Yellow"),
    "orange": Say("橙色", "Orange"),
    "red": Say("红色", "Red"),
}


RESPONSES: Final[Sequence[str]] = ("I", "II", "III", "IV")  # declared by a person, never derived


FORCE_MS: Final[Mapping[int, float]] = {6: 10.8, 7: 13.9, 8: 17.2, 9: 20.8, 10: 24.5, 11: 28.5, 12: 32.7}


Tier = Literal["major", "large", "general", "low"]


State = Literal["rated", "unrated"]


TIERS: Final[tuple[Tier, ...]] = ("major", "large", "general", "low")


TIER_TITLES: Final[Mapping[str, Say]] = {
    "major": Say("重大", "Major"),
    "large": Say("较大", "Large"),
    "general": Say("一般", "General"),
    "low": Say("低", "Low"),
    "unrated": Say("未评", "Unrated"),
}


TIER_COLOURS: Final[Mapping[str, str]] = {
    "major": "#d7191c",
    "large": "#f07d1a",
    "general": "#f2c318",
    "low": "#2f78d7",
    "unrated": "#8a8f98",
}


# In arrays a tier is its rank: the higher, the more it must be seen. Unrated stands above low,
# because an unknown is never safe.
RANKS: Final[tuple[str, ...]] = ("low", "unrated", "general", "large", "major")


RANK_OF: Final[Mapping[str, int]] = {name: rank for rank, name in enumerate(RANKS)}


UNRATED: Final[int] = RANK_OF["unrated"]


def tier_of(rank: int | np.integer[Any]) -> str | None:
    """Return the tier of a rank, None for unrated."""
    return None if rank == UNRATED else RANKS[int(rank)]


FLAGS: Final[Mapping[str, Say]] = {
    "possible_duplicate": Say("疑似重复", "possible duplicate"),
    "outside_district": Say("不在本区范围", "outside the district"),
    "outside_subdistrict": Say("不在所属街道", "outside its sub-district"),
    "unlocated": Say("无坐标", "unlocated"),
    "declared_differs": Say("申报等级与评估不一致", "declared tier differs"),
    "stale": Say("超期未更新", "not updated in time"),
    "unreadable": Say("有读不了的值", "has values that cannot be read"),
}
