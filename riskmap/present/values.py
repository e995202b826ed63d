"""How fields and their values read: titles, units, choices and yes or no, in the reader's language."""

from __future__ import annotations

from typing import Any

from riskmap.catalog.layer import Field, Layer
from riskmap.errors import Lang
from riskmap.present.texts import t
from riskmap.units import unit_title


def shown(field: Field, value: Any, lang: Lang) -> str:
    """Return a field's value as people read it: choice titles, units, yes and no."""
    if value is None:
        return ""
    if field.type == "choice":
        return next((c.title.text(lang) for c in field.choices if c.id == value), str(value))
    if field.type == "boolean":
        return t("yes" if value else "no", lang)
    if field.type in {"number", "integer"}:
        number = f"{value:,.6g}" if isinstance(value, float) and abs(value) < 1e6 else f"{value:,.0f}"
        return f"{number} {unit_title(field.unit).text(lang)}".rstrip()
    return str(value)


def field_title(layer: Layer, name: str, lang: Lang) -> str:
    """Return the title of a field or checklist item, its id where the layer has no such field."""
    try:
        return layer.field(name).title.text(lang)
    except KeyError:
        items = layer.checklist.items if layer.checklist else ()
        plain = name.removeprefix("checklist.")
        return next((item.title.text(lang) for item in items if item.id == plain), plain)


def value_text(layer: Layer, name: str, value: Any, lang: Lang) -> str:
    """Return the value of a field or checklist item as people read it."""
    try:
        return shown(layer.field(name), value, lang)
    except KeyError:
        if isinstance(value, bool):
            return t("yes" if value else "no", lang)
        return "" if value is None else str(value)


def limit_text(layer: Layer, name: str, value: Any, lang: Lang) -> str:
    """Return a solved limit as people read it: 499.9999 is just below 500, and 500 would not do."""
    text = value_text(layer, name, value, lang)
    if not isinstance(value, float):
        return text
    written = float(f"{value:.6g}")
    if written == value or name not in layer.field_ids:
        return text
    return t("just_below" if value < written else "just_above", lang, value=text)
