"""What a model file says, in words: titles instead of ids, methods and policies as sentences.

Reads the values of the text as they stand, with or without mistakes, and never fails on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from riskmap.catalog import Layer
from riskmap.catalog.model import Condition, ScoringModel
from riskmap.catalog.model_text import list_of
from riskmap.catalog.model_text import table_of as table
from riskmap.formulas.methods import methods
from riskmap.texts import field_title, value_text
from riskmap.units import unit_title
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets.filters import escape_markdown

_SIGNS: Final = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "<": "<", ">": ">"}


_POLICIES: Final = ("unrated", "worst", "value")


markdown = escape_markdown


def tables(value: object) -> list[dict[str, Any]]:
    """Return the tables of a list."""
    return [table(one) for one in list_of(value)]


def lists(value: object) -> list[list[Any]]:
    """Return the lists of a list."""
    return [list_of(one) for one in list_of(value)]


def texts(value: object) -> list[str]:
    """Return the texts of a list."""
    return [one for one in list_of(value) if isinstance(one, str)]


def number(value: object) -> str:
    """Return a number as it is read: no trailing noughts."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def say_of(value: object) -> str:
    """Return a title of the file in the language of the session, "" where there is none."""
    both = table(value)
    return str(both.get(lang()) or both.get("zh") or both.get("en") or "")


def title_of(node: Mapping[str, Any]) -> str:
    """Return the title of a node, rule or measure; its id where it has none."""
    return say_of(node.get("title")) or str(node.get("id", "—"))


def node_titles(data: Mapping[str, Any]) -> dict[str, str]:
    """Return id → title of every node of a file."""
    nodes = (node for key in ("indicators", "learned", "combinations") for node in tables(data.get(key)))
    return {str(node.get("id")): title_of(node) for node in nodes}


def choice_title(layer: Layer, field: str, choice: str) -> str:
    """Return the title of a choice, of yes and no, or the word itself."""
    value: Any = {"true": True, "false": False}.get(choice, choice)
    return value_text(layer, field, value, lang())


def unit_of(layer: Layer, node: Mapping[str, Any]) -> str:
    """Return the unit of a node's field, in brackets; "" where it has none."""
    try:
        unit = layer.field(str(node.get("field", ""))).unit
    except KeyError:
        return ""
    return say("model_unit", unit=unit_title(unit).text(lang())) if unit else ""


def about_node(node: Mapping[str, Any], layer: Layer, titles: Mapping[str, str]) -> list[str]:
    """Return what a node is, in words: one short line first, then what else decides about it."""
    if "artefact" in node:
        inputs = [field_title(layer, str(field), lang()) for field in table(node.get("inputs")).values()]
        first = say("model_method_learned")
        lines = [say("model_inputs", fields=listed(inputs))]
    elif "method" in node:
        first = method_words(str(node.get("method")))
        parts = [str(p) for p in (*texts(node.get("of")), *table(node.get("inputs")).values())]
        lines = [say("model_parts", parts=listed(titles.get(p, p) for p in parts))]
        if "pairwise" in node:
            lines.append(say("model_pairwise"))
        if node.get("weighting") == "entropy":
            lines.append(say("model_entropy"))
        if node.get("known_only") and node.get("method") != "first_known":
            lines.append(say("model_known_only"))
    else:
        first = field_title(layer, str(node.get("field", "")), lang()) + unit_of(layer, node)
        worse = "lower" if node.get("worse") == "lower" else "higher"
        plain = not any(key in node for key in ("table", "bands", "curve"))
        lines = [say(f"model_worse_{worse}")] if "table" not in node else []
        lines += [say("model_number_itself")] if plain else []
    if "method" not in node:
        policy = str(node.get("missing", "unrated"))
        lines.append(say(f"model_missing_{policy}" if policy in _POLICIES else "model_missing_unrated"))
    steps = [say("model_step_clip")] if "clip" in node else []
    steps += [str(node["function"])] if "function" in node else []
    steps += [say("model_step_power", power=f"{node['power']:g}")] if "power" in node else []
    steps += [say(f"model_step_{key}") for key in ("normalise", "round") if key in node]
    if steps:
        lines.append(say("model_steps", steps=listed(steps)))
    return [first, *([say("model_sentence", lines=say("list_separator").join(lines))] if lines else [])]


def label_of(node: Mapping[str, Any], layer: Layer, about: str) -> str:
    """Return the title of a node and the short line about it, without saying one thing twice."""
    title = title_of(node)
    if "field" not in node:
        return f"{title} · {about}"
    field = field_title(layer, str(node["field"]), lang())
    same = "".join(title.split()).casefold() == "".join(field.split()).casefold()
    return title + unit_of(layer, node) if same else f"{title} · {about}"


def method_words(method: str) -> str:
    """Return what a combination does with its parts."""
    if method == "learned":
        return say("model_method_learned")
    return methods()[method].title.text(lang()) if method in methods() else method


def listed(parts: Iterable[str]) -> str:
    """Return words as a list in one line."""
    return say("comma").join(dict.fromkeys(parts)) or "—"


def conditions_words(when: Sequence[Condition], layer: Layer, model: ScoringModel) -> str:
    """Return the conditions of a rule, gate or measure in one line."""
    return say("model_and").join(_condition(one, layer, model) for one in when)


def _condition(one: Condition, layer: Layer, model: ScoringModel) -> str:
    title = field_title(layer, one.field, lang()) if one.field else model.node(one.node).title.text(lang())
    if one.op in {"present", "missing"}:
        return f"{title} {say(f'op_{one.op}')}"
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    shown = [
        value_text(layer, one.field, v, lang()) if one.field else number(v)
        for v in cast("tuple[Any]", values)
    ]
    if one.op == "in":
        return say("model_one_of", title=title, values=listed(shown))
    return f"{title} {_SIGNS[one.op]} {shown[0]}"


def standing(layer: str, tier: str) -> str:
    """Return what a tier of the model is called on a layer: the grade where its records are no risks."""
    return workspace().catalog.layer(layer).standing(tier)
