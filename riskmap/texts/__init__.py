"""Every word of the product, in Chinese and English, in the TOML files of this folder.

Each line of a file is `key = { zh = "…", en = "…" }`; keys are unique over all files. Placeholders
are `{name}` as in `str.format`.

How fields and their values read: titles, units, choices and yes or no, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib import resources
from itertools import zip_longest
from typing import Any, Final

import tomli

from riskmap.catalog.layer import ContactRole, Field, Layer, pieces
from riskmap.catalog.model import CHECKLIST_PREFIX, UNTIL
from riskmap.errors import Lang, Text
from riskmap.moments import beijing_text
from riskmap.units import unit_title
from riskmap.values.assessment import ModelStamp
from riskmap.values.attachments import files_key, read_files

_DIGEST: Final = 12  # digits of a digest that people compare


@lru_cache(maxsize=1)
def _texts() -> dict[str, Text]:
    found: dict[str, Text] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for key, value in tomli.loads(file.read_text(encoding="utf-8")).items():
            if key in found:
                raise ValueError(f"texts/{file.name} › {key}: this key stands in another file too")
            found[key] = Text(value["zh"], value["en"])
    return found


def t(key: str, lang: Lang = "zh", **values: object) -> str:
    """Return the text of `key` in `lang`, its placeholders filled with `values`.

    Without values the text comes as it is written. KeyError names a key that no file has.
    """
    text = _texts()[key].text(lang)
    return text.format(**values) if values else text


def keys(prefix: str = "") -> tuple[str, ...]:
    """Return all keys that begin with `prefix`, sorted."""
    return tuple(sorted(key for key in _texts() if key.startswith(prefix)))


def made_text(models: Sequence[ModelStamp], lang: Lang) -> str:
    """Return which models made tiers, as people read it: title, version, status and digest of each."""
    if not models:
        return t("made_by_none", lang)
    return t("export_list_separator", lang).join(
        t(
            "made_by",
            lang,
            title=model.title.text(lang),
            version=model.version,
            status=t(f"export_status_{model.status}", lang),
            digest=model.digest[:_DIGEST],
        )
        for model in models
    )


def newer_text(title: Text, made: Sequence[ModelStamp], adopted: ModelStamp, lang: Lang) -> str:
    """Return that a newer model is in use for a layer than those of `made` which made its tiers."""
    others = t("export_list_separator", lang).join(m.version for m in made if m.digest != adopted.digest)
    return t("export_newer_text", lang, layer=title.text(lang), adopted=adopted.version, made=others)


def shown(field: Field, value: Any, lang: Lang) -> str:
    """Return a field's value as people read it: choice titles, units, yes and no."""
    if value is None:
        return ""
    if field.several:
        alone = field.model_copy(update={"several": False})
        return t("export_list_separator", lang).join(shown(alone, one, lang) for one in pieces(str(value)))
    if field.type == "choice":
        return next((c.title.text(lang) for c in field.choices if c.id == value), str(value))
    if field.type == "moment":
        return beijing_text(str(value))
    if field.type == "boolean":
        return t("yes" if value else "no", lang)
    if field.type in {"number", "integer"}:
        number = f"{value:,.6g}" if isinstance(value, float) and abs(value) < 1e6 else f"{value:,.0f}"
        return f"{number} {unit_title(field.unit).text(lang)}".rstrip()
    return str(value)


def item_past(item: str, mark: object, facts: Mapping[str, Any], day: date) -> bool:
    """Tell whether an item of a checklist is there and past its last valid day; `facts`: values by field id."""
    until = facts.get(f"{CHECKLIST_PREFIX}{item}.{UNTIL}")
    return mark is True and isinstance(until, str) and until < day.isoformat()


def item_text(  # noqa: PLR0917 - what is known of it, and how it is told
    layer: Layer,
    item: str,
    mark: object,
    facts: Mapping[str, Any],
    day: date,
    lang: Lang,
) -> str:
    """Return how an item of a checklist stands on a day: 有，2026-01-05 张* 核实，2026-05-01 到期，已过期.

    Empty where nothing is known of it. `mark`: true, false or None; `facts`: values by field id, as they may be shown.
    """
    on, by, until = (
        str(facts.get(f"{CHECKLIST_PREFIX}{item}.{part}") or "")
        for part in ("verified_on", "verified_by", UNTIL)
    )
    words = {True: "item_there", False: "item_lacking"}
    said = [t(words[mark], lang)] if isinstance(mark, bool) else []
    if on or by:
        said.append(t("item_verified", lang, told=" ".join(one for one in (on, by) if one)))
    if until:
        said.append(
            t("item_expired" if item_past(item, mark, facts, day) else "item_until", lang, until=until)
        )
    files = layer.file_field(f"{CHECKLIST_PREFIX}{item}")
    names = [] if files is None else [name for _, name in read_files(facts.get(files_key(files.id)))]
    if names:
        said.append(t("item_files", lang, names=t("export_list_separator", lang).join(names)))
    return t("item_separator", lang).join(said)


def field_title(layer: Layer, name: str, lang: Lang) -> str:
    """Return the title of a field or checklist item, its id where the layer has no such field."""
    try:
        return layer.field(name).title.text(lang)
    except KeyError:
        items = layer.checklist.items if layer.checklist else ()
        plain = name.removeprefix("checklist.").removeprefix("extra:")
        return next((one.title.text(lang) for one in (*items, *layer.files) if one.id == plain), plain)


def contact_header(role: ContactRole, part: str, lang: Lang) -> str:
    """Return the header of a contact's name, phone, post or verified (its last check) as riskmap writes it."""
    aliases: tuple[str, ...] = getattr(role, f"{part}_aliases")
    if lang == "zh" and aliases:
        return aliases[0]
    return t(f"export_contact_{part}", lang, role=role.title.text(lang))


def value_text(layer: Layer, name: str, value: Any, lang: Lang) -> str:
    """Return the value of a field or checklist item as people read it."""
    try:
        return shown(layer.field(name), value, lang)
    except KeyError:
        if isinstance(value, bool):
            return t("yes" if value else "no", lang)
        return "" if value is None else str(value)


def inputs_text(layer: Layer, changes: Mapping[str, tuple[Any, Any]], lang: Lang) -> list[str]:
    """Return what changes of fields and of a checklist's items, one line each: title: before → after."""
    pairs: dict[str, tuple[Any, Any]] = {}
    for key, (before, after) in changes.items():
        if key == "checklist" and layer.checklist:
            marks = zip_longest(layer.checklist.items, before or (), after or ())
            pairs |= {item.id: (old, new) for item, old, new in marks if item and old is not new}
        else:
            pairs[key] = before, after
    return [
        t(
            "change_line",
            lang,
            title=field_title(layer, key, lang),
            before=value_text(layer, key, before, lang) or "—",
            after=value_text(layer, key, after, lang) or "—",
        )
        for key, (before, after) in pairs.items()
    ]


def tier_reason(
    layer: Layer,
    changes: Mapping[str, tuple[Any, Any]],
    rules: Sequence[Text],
    missing: Sequence[str],
    lang: Lang,
) -> list[str]:
    """Return why a tier would become another, one line each: changed inputs, direct rules, what is missing."""
    said = inputs_text(layer, changes, lang) or [t("effect_same_inputs", lang)]
    said += [t("effect_rule", lang, title=title.text(lang)) for title in rules]
    if missing:
        fields = t("comma", lang).join(field_title(layer, name, lang) for name in missing)
        said.append(t("effect_missing", lang, fields=fields))
    return said


def limit_text(layer: Layer, name: str, value: Any, lang: Lang) -> str:
    """Return a solved limit as people read it: 499.9999 is just below 500, and 500 would not do."""
    text = value_text(layer, name, value, lang)
    if not isinstance(value, float):
        return text
    written = float(f"{value:.6g}")
    if written == value or name not in layer.field_ids:
        return text
    return t("just_below" if value < written else "just_above", lang, value=text)
