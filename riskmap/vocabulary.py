"""The closed lists of the field: tiers, flags, kinds of warning, colours, responses, forces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from riskmap.errors import Text

if TYPE_CHECKING:  # whoever reads layer files must not pay for it
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["typhoon", "rainstorm", "waterlogging", "geological", "forest_fire", "gale"]


KINDS: Final[Mapping[str, Text]] = {
    "typhoon": Text("台风", "Typhoon"),
    "rainstorm": Text("暴雨", "Rainstorm"),
    "waterlogging": Text("内涝", "Waterlogging"),
    "geological": Text("地质灾害", "Geological hazard"),
    "forest_fire": Text("森林火险", "Forest fire danger"),
    "gale": Text("大风", "Gale"),
}


Colour = Literal["white", "blue", "yellow", "orange", "red"]


COLOURS: Final[Mapping[str, Text]] = {
    "white": Text("白色", "White"),
    "blue": Text("蓝色", "Blue"),
    "yellow": Text("黄色", "Yellow"),
    "orange": Text("橙色", "Orange"),
    "red": Text("红色", "Red"),
}


RESPONSES: Final[Sequence[str]] = ("I", "II", "III", "IV")  # declared by a person, never derived


FORCE_MS: Final[Mapping[int, float]] = {6: 10.8, 7: 13.9, 8: 17.2, 9: 20.8, 10: 24.5, 11: 28.5, 12: 32.7}


Tier = Literal["major", "large", "general", "low"]


State = Literal["rated", "unrated"]


TIERS: Final[tuple[Tier, ...]] = ("major", "large", "general", "low")


# What is no risk has no tier. Where a model scores it all the same (how fit a shelter is), the result is
# a grade: the word that stands here for the model's tier.
GRADES: Final[Mapping[str, str]] = {
    "major": "poor",
    "large": "weak",
    "general": "fair",
    "low": "good",
    "unrated": "ungraded",
}


TIER_TITLES: Final[Mapping[str, Text]] = {
    "major": Text("重大", "Major"),
    "large": Text("较大", "Large"),
    "general": Text("一般", "General"),
    "low": Text("低", "Low"),
    "unrated": Text("未评", "Unrated"),
    "poor": Text("差", "Poor"),
    "weak": Text("较差", "Weak"),
    "fair": Text("尚可", "Fair"),
    "good": Text("良好", "Good"),
    "ungraded": Text("未评档", "Not graded"),
}


TIER_COLOURS: Final[Mapping[str, str]] = {
    "major": "#d7191c",
    "large": "#f07d1a",
    "general": "#f2c318",
    "low": "#2f78d7",
    "unrated": "#8a8f98",
    "poor": "#5b2a86",
    "weak": "#8d63b5",
    "fair": "#6fa58a",
    "good": "#1b8a5a",
    "ungraded": "#6f7f8f",
}


# On paper without colour the colours of the screen turn the order of the tiers round (luma of low 109, large 148).
TIER_GREYS: Final[Mapping[str, str]] = {
    "low": "#c4c8cc",
    "unrated": "#ffffff",
    "general": "#8b8f94",
    "large": "#4a4d51",
    "major": "#000000",
}


# Of classes that a layer's file names; none is near the colour of a tier.
CLASS_COLOURS: Final[tuple[str, ...]] = (
    *("#6a3d9a", "#12827c", "#c0448f", "#7a5a2e", "#3c4757", "#6d8f1f", "#a05ad6"),
)


CLOSED_COLOUR: Final = "#9fb0a8"  # of what is settled


# In arrays a tier is its rank: the higher, the more it must be seen. Unrated stands above low,
# because an unknown is never safe.
RANKS: Final[tuple[str, ...]] = ("low", "unrated", "general", "large", "major")


RANK_OF: Final[Mapping[str, int]] = {name: rank for rank, name in enumerate(RANKS)}


UNRATED: Final[int] = RANK_OF["unrated"]


def is_worse(before: str, after: str) -> bool:
    """Return whether a record of tier `after` stands higher than one of `before`; "unrated" stands above low."""
    return RANK_OF[after] > RANK_OF[before]


# In a snapshot risks and all else stand together: the tiers first, then the grades in the same order.
STANDINGS: Final[tuple[str, ...]] = (*RANKS, *(GRADES[tier] for tier in RANKS))


UNGRADED: Final[int] = STANDINGS.index("ungraded")


# How much each standing must be seen: the worst highest and drawn last, every grade below every tier.
WEIGHT_OF: Final[Mapping[str, int]] = {
    name: weight for weight, name in enumerate((*STANDINGS[len(RANKS) :], *RANKS))
}


NOT_STATED: Final = "未注明"  # records without a sub-district are counted and chosen under this name


def state_of(standing: str) -> State | None:
    """Return the state of one of `STANDINGS`; None for a grade: what is no risk is not rated, nor due to be."""
    if standing not in RANK_OF:
        return None
    return "unrated" if standing == "unrated" else "rated"


def weight(standing: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return `WEIGHT_OF` for an array of standings."""
    return (standing.astype("int64") + len(RANKS)) % len(STANDINGS)


def tier_of(rank: int | np.integer[Any]) -> str | None:
    """Return the tier of a rank, None for unrated."""
    return None if rank == UNRATED else RANKS[int(rank)]


FLAGS: Final[Mapping[str, Text]] = {
    "possible_duplicate": Text("疑似重复", "possible duplicate"),
    "outside_district": Text("不在本区范围", "outside the district"),
    "outside_subdistrict": Text("不在所属街道", "outside its sub-district"),
    "unlocated": Text("无坐标", "unlocated"),
    "declared_differs": Text("申报等级与评估不一致", "declared tier differs"),
    "stale": Text("超期未更新", "not updated in time"),
    "unreadable": Text("有读不了的值", "has values that cannot be read"),
    "unknown_subdistrict": Text("街道不在本区", "sub-district unknown here"),
    "no_subdistrict": Text("未填街道", "no sub-district"),
}
