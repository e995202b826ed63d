"""What every map in a browser is made of, on a page or in a file of its own: Leaflet, symbols, tiers and classes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

from riskmap.catalog.layer import Layer
from riskmap.errors import Lang
from riskmap.texts import t
from riskmap.vocabulary import (
    CLASS_COLOURS,
    CLOSED_COLOUR,
    STANDINGS,
    TIER_COLOURS,
    TIER_TITLES,
    WEIGHT_OF,
)

ASSETS: Final = Path(__file__).with_name("assets")


def leaflet_dir() -> Path:
    """Return the folder of Leaflet's own files, where its package put them."""
    return Path(str(resources.files("xstatic.pkg.leaflet") / "data"))


def leaflet_script() -> str:
    """Return Leaflet without the pointer to a source map, which a browser with open tools would ask for in vain."""
    lines = (leaflet_dir() / "leaflet.js").read_text(encoding="utf-8").split("\n")
    return "\n".join(line for line in lines if not line.startswith("//# sourceMappingURL"))


def map_script() -> str:
    """Return what our parts of a map share: elements without markup, and symbols. They are parts of one function."""
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in ("elements.js", "symbols.js"))


def map_styles() -> str:
    """Return Leaflet's style sheet and what our maps share."""
    files = (leaflet_dir() / "leaflet.css", ASSETS / "map_parts.css")
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def legend_ranks(lang: Lang) -> list[dict[str, Any]]:
    """Return id, title, colour and weight of every tier and grade, by rank (`vocabulary.STANDINGS`)."""
    return [
        {"id": r, "title": TIER_TITLES[r].text(lang), "colour": TIER_COLOURS[r], "weight": WEIGHT_OF[r]}
        for r in STANDINGS
    ]


def classes_of(layer: Layer, lang: Lang) -> list[dict[str, str]]:
    """Return title and colour of the classes of a layer, last of what has none; [] where tiers colour it."""
    if not layer.classes:
        return []
    closed = {state.id for state in layer.flow.states if state.closed} if layer.flow else set()
    left = iter(CLASS_COLOURS)
    found = [
        {"title": one.title.text(lang), "colour": CLOSED_COLOUR if one.id in closed else next(left)}
        for one in layer.classes
    ]
    return [*found, {"title": t("map_no_class", lang), "colour": TIER_COLOURS["ungraded"]}]
