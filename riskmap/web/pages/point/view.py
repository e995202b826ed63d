"""One record to be read: heading, facts, why it has its tier, who answers for it, what happened to it.

Everything here is our own HTML with each text of the ledger escaped; nothing passes through markdown.

What stands beside the tier of one record: its probability, what measures leave of it, how fresh it is.

Two people, one record: both versions side by side, and each change taken over or dropped.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from riskmap.actions.inventory.nearby import NearRecords, distance_text, nearby_of
from riskmap.actions.records.certainty import MeasureOnPoint, PointCertainty
from riskmap.actions.tier_models import stamp_of
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Field, Layer, ScoringModel
from riskmap.errors import StaleRevisionError
from riskmap.moments import local_now
from riskmap.percentages import percentage, percentages
from riskmap.rules.extras import extra_keys, header_of, holds_people, masked
from riskmap.rules.masks import mask_name, mask_value
from riskmap.rules.people import by_role
from riskmap.scoring.residual import WHY_NOT
from riskmap.selection import find
from riskmap.selection.linked import Linked, hanging_on, links_of
from riskmap.texts import field_title, item_past, item_text, limit_text, made_text
from riskmap.values.assessment import Explanation, PartValue
from riskmap.values.records import Change, Contact, Features
from riskmap.vocabulary import FLAGS, RANKS, TIER_TITLES, UNRATED
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.pages.point.form import FormStart, field_groups
from riskmap.web.widgets.filters import escape_markdown as markdown
from riskmap.web.widgets.panels import (
    Cell,
    Number,
    Row,
    TableColumn,
    field_box,
    field_html,
    figure_box,
    number_html,
    number_of,
    pager_of,
    point_address,
    show_table,
)
from riskmap.web.widgets.signing import Signature, notice
from riskmap.web.widgets.wording import (
    changes_text,
    key_title,
    moment,
    number_text,
    plain_value,
    value_text,
    word,
)

_DECLARED: Final = "declared_tier"


_HISTORY: Final = "point-history"


_HISTORY_ROWS: Final = 20


_LINKED: Final = "point-linked"


_LINKED_ROWS: Final = 10


_NEAR_NAMED: Final = 5


_HANGING: Final = 500  # of one field; a list of its own shows more


def heading(layer: Layer, features: Features, flags: Iterable[str]) -> None:
    """Name, tier, state and flags; below, where the record belongs and which version this is."""
    records, retired = features.records, features.retired[0]
    tier = layer.standing(RANKS[int(features.rank[0])])
    badge = "" if tier == "ungraded" and layer.model is None else tier_badge(tier)
    name = str(records.name[0] or _about(layer, features) or say("no_name"))
    marks = [f'<span class="rm-mark">{escape(FLAGS[flag].text(lang()))}</span>' for flag in flags]
    if retired is not None:
        marks.insert(0, f'<span class="rm-mark rm-mark-retired">{escape(say("point_retired"))}</span>')
    version = say("point_version", version=int(features.version[0]), at=moment(features.updated_at[0]))
    sub = " · ".join(
        [
            escape(layer.title.text(lang())),
            field_html("code", say("point_code", code=records.code[0])),
            field_html("subdistrict", str(records.subdistrict[0] or say("not_stated"))),
            field_html("version", version),
        ]
    )
    st.html(
        f'<div class="rm-head" data-field="name"><h1>{escape(name)}</h1>{badge}{"".join(marks)}</div>'
        f'<div class="rm-sub">{sub}</div>'
    )


def _about(layer: Layer, features: Features) -> str | None:
    """Return whom a record of a register of persons is about, masked."""
    field = layer.field_by_role("person")
    value = None if field is None else features.records.values.get(field.id, [None])[0]
    return mask_name(value) if isinstance(value, str) else None


def where_it_stands(layer: Layer, features: Features) -> Features:
    """Return a record with the place and street of those that it names, where its layer inherits and it states none."""
    records = features.records
    hit = find(snapshot(), layer.id, records.code[0]) if layer.geometry == "inherit" else None
    if hit is None or hit.lon is None or hit.lat is None:
        return features
    own = math.isfinite(float(records.lon[0]))
    place = {} if own else {"lon": np.array([hit.lon]), "lat": np.array([hit.lat])}
    return replace(
        features, records=replace(records, subdistrict=[records.subdistrict[0] or hit.subdistrict], **place)
    )


def tier_badge(tier: str) -> str:
    """Return the coloured word of a tier as HTML."""
    return f'<span class="rm-tier rm-tier-{tier}">{escape(TIER_TITLES[tier].text(lang()))}</span>'


def facts(
    layer: Layer, model: ScoringModel | None, features: Features, stands: Features, *, editable: bool
) -> None:
    """All fields in groups; what is not stated is said, not hidden, where the score needs it.

    `stands`: the record where it stands (`where_it_stands`). `editable`: whether the page offers to fill it in.
    """
    values = {key: column[0] for key, column in features.records.values.items()}
    named = _named(layer, features.records.code[0])
    place = [("position", key_title(layer, "position"), _place(layer, features, stands))]
    for title, fields in field_groups(layer, model):
        stated = [f for f in fields if values.get(f.id) not in (None, "")]
        shown = fields if title == "group_scored" else stated
        pairs = [
            (
                f.id,
                f.title.text(lang()),
                _fact(layer, f, values.get(f.id), named.get(f.id, ())) if f in stated else None,
            )
            for f in shown
        ]
        _facts(say(title), pairs + (place if title == "group_rest" else []))
        if len(shown) < len(fields):
            blank = "point_blank_editable" if editable else "point_blank_fields"
            with field_box("not-filled", title):
                st.caption(say(blank, n=len(fields) - len(shown)))
    if not any(title == "group_rest" for title, _ in field_groups(layer, model)):
        _facts(say("group_rest"), place)
    _facts(say("group_extra"), _extras(features))
    _checklist(layer, features)


def _place(layer: Layer, features: Features, stands: Features) -> str:
    lon, lat = float(stands.records.lon[0]), float(stands.records.lat[0])
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return say("point_unlocated")
    text = value_text(layer, "position", (lon, lat))
    return text if math.isfinite(float(features.records.lon[0])) else say("point_place_of_named", place=text)


def _fact(layer: Layer, field: Field, value: Any, named: Sequence[Linked]) -> str:
    """Return a value as everybody may see it: personal data masked, records by name and code."""
    if named:
        return say("comma").join(f"{one.name or ''} {one.code}".strip() for one in named)
    return value_text(layer, field.id, mask_value(value) if field.personal else value)


def _named(layer: Layer, code: str) -> Mapping[str, Sequence[Linked]]:
    """Return field → the records that a record names."""
    now = snapshot()
    hit = find(now, layer.id, code) if layer.links else None
    if hit is None:
        return {}
    return links_of(now, workspace().catalog.layers, now.table(layer.id).slice(hit.row, 1), layer)[0]


def linked(layer: Layer, code: str, layers: Mapping[str, Layer]) -> None:
    """The records that this one names, and those that name it; each leads to its own page."""
    now, named = snapshot(), _named(layer, code)
    told = [(layer.field(field).title.text(lang()), one) for field, ones in named.items() for one in ones]
    leads = {layer.field(field).title.text(lang()): ("", "") for field in named}
    for (other, field), (_, ones) in hanging_on(now, layers, layer.id, code, most=_HANGING).items():
        definition = layers[other]
        fields = sum(one.type == "record" for one in definition.fields)
        by = definition.field(field).title.text(lang()) if fields > 1 else ""
        title = " · ".join(part for part in (definition.title.text(lang()), by) if part)
        told += [(title, one) for one in ones]
        leads[title] = other, field
    if not told:
        return
    counted = Counter(title for title, _ in told)
    numbers = [
        f"{escape(title)} {number_html(_of_linked(code, *leads[title], n))}" for title, n in counted.items()
    ]
    st.html(f'<h2 class="rm-section">{escape(say("group_linked"))}　{" · ".join(numbers)}</h2>')
    pager = pager_of(_LINKED, len(told), _LINKED_ROWS)
    columns = [
        TableColumn("relation", say("linked_relation"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("name", say("list_name")),
    ]
    rows = []
    for title, one in told[pager.start : pager.stop]:
        href = point_address(one.layer, one.code)
        rows.append(
            Row([Cell(title), Cell(one.code, href=href), Cell(one.name or say("no_name"))], href=href)
        )
    show_table(_LINKED, columns, rows, pager=pager, dense=True)


def _of_linked(code: str, other: str, field: str, n: int) -> Number:
    """Return how many records name this one by a field of theirs; without a field, how many it names."""
    if not field:
        return number_of(n, "records.layer", within=f"named by {code}")
    return number_of(n, f"records.layer.{other}", within=f'{field} == "{code}"')


def nearby(ws: Workspace, layer: Layer, code: str) -> None:
    """What the layer's file tells as closest to each record, and what could not be measured."""
    told = nearby_of(ws, layer, code, snapshot=snapshot())
    pairs = [("nearest", one.title.text(lang()), _near(found)) for one, found in told]
    _facts(say("group_nearby"), pairs)
    lost = [code for _, found in told if found is not None for code in found.unlocated]
    if lost:
        some = say("comma").join(lost[:_NEAR_NAMED]) + ("…" if len(lost) > _NEAR_NAMED else "")
        with figure_box("records.unlocated", "nearby"):
            st.caption(say("nearby_unlocated", n=len(lost), codes=markdown(some)))


def _near(found: NearRecords | None) -> str:
    """Say how far it is, how many, and where; by straight line."""
    if found is None:
        return say("nearby_no_position")
    if not found.records:
        return say("nearby_none")
    one = found.records[0]
    many = "" if one.shown is None else f" ×{plain_value(one.shown)}"
    place = " ".join(part for part in (one.name or one.at, one.code) if part)
    how = found.distance_zh if lang() == "zh" else found.distance
    return f"{distance_text(one.metres)}{many}　{place}　({how})"


def _extras(features: Features) -> list[tuple[str, str, str | None]]:
    """Return what no field reads: header and text, people masked as in every list of the layer."""
    values, layer = features.records.values, features.records.layer
    found: list[tuple[str, str, str | None]] = []
    for key in extra_keys(values):
        text, table = values[key][0], snapshot().table(layer)
        if not isinstance(text, str):
            continue
        others = table[key].unique().to_pylist() if key in table.column_names else [text]
        found.append((key, header_of(key), masked(text, personal=holds_people(header_of(key), others))))
    return found


def _facts(title: str, pairs: Sequence[tuple[str, str, str | None]], said: str = "") -> None:
    """Draw what a record states: field, its name, its value; `said` of them all beside the heading."""
    if not pairs:
        return
    rows = "".join(
        f'<div><dt>{escape(name)}</dt><dd data-field="{escape(field)}"{"" if text else " class=rm-none"}>'
        f"{escape(text or say('not_filled'))}</dd></div>"
        for field, name, text in pairs
    )
    beside = escape(f" · {said}" if said else "")
    about = ' data-field="checklist"' if said else ""
    st.html(f'<h2 class="rm-section"{about}>{escape(title)}{beside}</h2><dl class="rm-facts">{rows}</dl>')


def _checklist(layer: Layer, features: Features) -> None:
    if layer.checklist is None:
        return
    records, day = features.records, snapshot().today or local_now().date()
    marks = (records.checklist[0] if records.checklist is not None else None) or ()
    personal = {field.id for field in layer.fields if field.personal}
    told = {key: mask_value(v[0]) if key in personal and v[0] else v[0] for key, v in records.values.items()}
    pairs: list[tuple[str, str, str | None]] = []
    late = 0
    for i, item in enumerate(layer.checklist.items):
        mark = marks[i] if i < len(marks) else None
        text = item_text(layer, item.id, mark, told, day, lang()) or None
        pairs.append((item.id, item.title.text(lang()), text))
        late += item_past(item.id, mark, told, day)
    done = sum(1 for mark in marks if mark is True) - late
    said = say("point_checklist", done=done, all=len(pairs))
    said += say("point_checklist_expired", n=late) if late else ""
    _facts(layer.checklist.title.text(lang()), pairs, said)


def contacts(layer: Layer, people: Sequence[Contact]) -> None:
    """The responsible persons, as they may be shown."""
    known = by_role(people)
    rows = [
        Row([Cell(title, head=True), *(Cell(text, quiet=not text) for text in _person(one))])
        for role, title in ((r.id, r.title.text(lang())) for r in layer.contacts)
        for one in known.pop(role, (None,))
    ]
    others = (one for ones in known.values() for one in ones)
    rows += [Row([Cell(c.role, head=True), *(Cell(text) for text in _person(c))]) for c in others]
    columns = [TableColumn("role", say("contact_role"), "short")]
    columns += [
        TableColumn(part, say(f"contact_{part}"), "short")
        for part in ("name", "phone", "post", "verified_on")
    ]
    show_table("point-contacts", columns, rows, dense=True)


def _person(contact: Contact | None) -> list[str]:
    if contact is None or not (contact.name or contact.phone):
        return [say("contact_vacant"), "", (contact.post if contact else "") or "", ""]
    return [contact.name or "", contact.phone or "", contact.post or "", contact.verified_on or ""]


def why(layer: Layer, model: ScoringModel, features: Features, explanation: Explanation) -> None:
    """Why this tier: contributions that sum to the score, rules, gaps, the nearest changes."""
    section(say("why_title") if explanation.state else say("why_title_grade"))
    if explanation.state:
        _declared(layer, features, explanation)
    if not explanation.judged:
        _unrated(layer, explanation)
    else:
        _contributions(layer, explanation)
        _limits(layer, model)
    if explanation.parts:
        _list("parts", say("why_parts"), [_part(part) for part in explanation.parts])
    titles = {key: title.text(lang()) for key, title in model.titles.items()}
    if explanation.gates:
        _list("gates", say("why_gates"), [titles.get(gate, gate) for gate in explanation.gates])
    if explanation.rules:
        _list(
            "rules",
            say("why_rules"),
            [titles.get(rule, say("why_rule_unknown")) for rule in explanation.rules],
        )
    if explanation.assumed:
        _list("assumed", say("why_assumed"), [field_title(layer, key, lang()) for key in explanation.assumed])
    if explanation.nearest:
        _list("nearest", say("why_nearest"), [_nearest(layer, change) for change in explanation.nearest])
    _made(model, explanation)
    if "fit" in explanation.reference:
        with figure_box(f"records.layer.{layer.id}", "fit"):
            st.caption(say("why_fit", rows=explanation.reference["fit"]["rows"]))
    st.caption(say("why_method" if explanation.method == "shapley" else "why_method_sampled"))


def _part(part: PartValue) -> str:
    number = say("why_part_unknown") if part.value is None else f"{part.value:g}"
    return say("why_part", title=part.title.text(lang()), number=number)


def _made(model: ScoringModel, explanation: Explanation) -> None:
    """Which model made the tier, whether that one explains it, and whether another is in use by now."""
    made, adopted = explanation.made_by, explanation.adopted
    here = made_text([stamp_of(model)], lang())
    if made is None:
        lines = [say("why_model_unmade", model=here)]
    elif made.digest != model.digest:
        lines = [say("why_model_lost", model=here, made=made_text([made], lang()))]
    else:
        newer = [say("made_newer", adopted=adopted.version)] if adopted and explanation.outdated else []
        lines = [say("why_model", model=here), *newer]
    with field_box("model"):
        for line in lines:
            st.caption(markdown(line))


def _declared(layer: Layer, features: Features, explanation: Explanation) -> None:
    column = features.records.values.get(_DECLARED)
    declared = column[0] if column is not None else None
    if declared is None:
        return
    assessed = explanation.tier or "unrated"
    said = (
        tier_badge(str(declared))
        if declared in TIER_TITLES
        else escape(value_text(layer, _DECLARED, declared))
    )
    differs = declared in RANKS and assessed not in ("unrated", declared)
    note = say("why_declared_differs") if differs else ""
    st.html(
        f'<div class="rm-head">{escape(say("why_declared"))} {said} {escape(say("why_assessed"))} '
        f'{tier_badge(assessed)}<span class="rm-sub">{escape(note)}</span></div>'
    )


def _unrated(layer: Layer, explanation: Explanation) -> None:
    _list("missing", say("why_missing"), [field_title(layer, key, lang()) for key in explanation.missing])
    if explanation.possible:
        tiers = say("comma").join(TIER_TITLES[tier].text(lang()) for tier in explanation.possible)
        st.html(f'<div class="rm-sub">{escape(say("why_possible", tiers=tiers))}</div>')


def _contributions(layer: Layer, explanation: Explanation) -> None:
    reference = explanation.reference.get("score")
    largest = max((abs(c.contribution) for c in explanation.contributions), default=0.0) or 1.0
    start = f"{float(reference or 0.0):,.4g}"
    rows = [
        f"<span class=wide>{escape(say('why_reference'))}</span><span class=num data-field=score>{escape(start)}</span>"
    ]
    rows += [
        _bar(
            c.field,
            field_title(layer, c.field, lang()),
            _value(layer, c.field, c.value),
            c.contribution,
            c.contribution / largest,
        )
        for c in sorted(explanation.contributions, key=lambda c: -abs(c.contribution))
    ]
    score = f"<span data-field=score>{escape(number_text(explanation.score))}</span>"
    total = f"<div class=sum><span>{escape(say('why_score'))}</span>{score}</div>"
    st.html(f'<div class="rm-why">{"".join(rows)}{total}</div>')


def _bar(field: str, title: str, value: str, number: float, share: float) -> str:
    width = f"{abs(share) * 100:.1f}%"
    side = "up" if share > 0 else "down"
    text = f"{number:+,.4g}"
    bar = (
        f'<span class="bar"><i class="{side}" style="width:{width};left:0"></i></span>'
        if share
        else "<span></span>"
    )
    named = f'data-field="{escape(field)}"'
    return (
        f"<span>{escape(title)}</span><span class=val {named}>{escape(value)}</span>{bar}"
        f"<span class=num {named}>{escape(text)}</span>"
    )


def _limits(layer: Layer, model: ScoringModel) -> None:
    words = [
        say(
            "why_limit",
            tier=TIER_TITLES[layer.standing(tier)].text(lang()),
            sign=">" if tier in model.limits.above else "≥",
            limit=f"{limit:g}",
        )
        for tier, limit in sorted(model.limits.lower.items(), key=lambda pair: -pair[1])
    ]
    st.html(
        f'<div class="rm-sub" data-field="limits">'
        f"{escape(say('why_limits', limits=say('list_separator').join(words)))}</div>"
    )


def _nearest(layer: Layer, change: Any) -> str:
    return say(
        f"why_nearest_{change.direction}",
        title=field_title(layer, change.field, lang()),
        before=_value(layer, change.field, change.value) or say("not_filled"),
        after=limit_text(layer, change.field, change.to, lang()),
        tier=TIER_TITLES[change.tier].text(lang()),
    )


def _value(layer: Layer, key: str, value: Any) -> str:
    if value is None:
        return say("not_filled")
    return value_text(layer, key, value) if key in layer.field_ids else plain_value(value)


def _list(field: str, title: str, lines: Sequence[str]) -> None:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    st.html(f'<div><b>{escape(title)}</b><ul class="rm-list" data-field="{field}">{items}</ul></div>')


def history(layer: Layer, changes: Sequence[Change]) -> None:
    """Every revision, newest first: who, when, why, before and after."""
    section(say("history_title"))
    newest = list(reversed(changes))
    pager = pager_of(_HISTORY, len(newest), _HISTORY_ROWS)
    columns = [
        TableColumn("version", say("list_version"), "number", values=True),
        TableColumn("at", say("history_at"), "short"),
        TableColumn("who", say("history_who"), "short"),
        TableColumn("kind", say("history_kind"), "short"),
        TableColumn("why", say("history_why")),
        TableColumn("changes", say("history_changes")),
    ]
    rows = [
        Row(
            [
                Cell(str(change.version)),
                Cell(moment(change.at)),
                Cell(change.who),
                Cell(_kind(change)),
                Cell(change.why),
                Cell(_what(layer, change)),
            ]
        )
        for change in newest[pager.start : pager.stop]
    ]
    show_table(_HISTORY, columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


def _kind(change: Change) -> str:
    """What made a revision; of a merge or a split, with which other record."""
    kind = word("kind", change.kind)
    return kind if change.other is None else f"{kind} · {change.other.words.text(lang())}"


def _what(layer: Layer, change: Change) -> str:
    first = change.version == 1 and all(before in (None, (), "") for before, _ in change.changes.values())
    if first:
        stated: Mapping[str, Any] = {key: after for key, (_, after) in change.changes.items()}
        return say("history_first", n=len(stated))
    return changes_text(layer, change.changes)


def rated(features: Features) -> bool:
    """Tell whether a record has a tier."""
    return int(features.rank[0]) != UNRATED


def certainty(point: PointCertainty) -> None:
    """Draw the bar of probabilities, completeness and age, and the residual tier with its measures."""
    section(say("sure_title"))
    if point.probabilities is not None:
        _certainty_bar(point.probabilities)
        st.caption(say("sure_exact" if point.method == "exact" else "sure_sampled"))
    elif point.tier is None:
        st.caption(say("sure_unrated"))
    else:
        st.caption(say("sure_not_stated"))
    age = say("sure_no_date") if point.age_days is None else say("sure_age", days=point.age_days)
    state = "" if point.fresh else say("sure_stale")
    text = say("sure_complete", share=percentage(point.completeness), age=age, state=state)
    st.html(f'<div class="rm-sub" data-field="completeness">{escape(text)}</div>')
    if point.measures:
        _residual(point)


def _certainty_bar(shares: Mapping[str, float]) -> None:
    parts = [(tier, share) for tier, share in shares.items() if share > 0]
    segments = "".join(
        f'<i class="rm-tier-{tier}" style="width:{share * 100:.2f}%"></i>' for tier, share in parts
    )
    told = percentages([share for _, share in parts])
    words = say("list_separator").join(
        f"{TIER_TITLES[tier].text(lang())} {text}" for (tier, _), text in zip(parts, told, strict=True)
    )
    st.html(
        f'<div class="rm-sure" role="img" aria-label="{escape(words)}">{segments}</div>'
        f'<div class="rm-sub" data-field="probability">{escape(words)}</div>'
    )


def _residual(point: PointCertainty) -> None:
    before, after = (tier_badge(tier or "unrated") for tier in (point.tier, point.residual_tier))
    scores = ""
    if point.score is not None and point.residual_score != point.score:
        before_score, after_score = number_text(point.score), number_text(point.residual_score)
        scores = say("residual_scores", before=before_score, after=after_score)
    st.html(
        f'<div class="rm-head">{escape(say("residual_inherent"))} {before} → {escape(say("residual_left"))} '
        f'{after}<span class="rm-sub" data-field="score">{escape(scores)}</span></div>'
    )
    lines = "".join(f"<li>{escape(_measure(one))}</li>" for one in point.measures)
    st.html(f'<ul class="rm-list" data-field="measures">{lines}</ul>')
    st.caption(say("residual_note"))


def _measure(one: MeasureOnPoint) -> str:
    title, expiry = one.title.text(lang()), str(one.expires_on or "—")
    if one.why_not is None:
        return say("residual_in_force", title=title, expiry=expiry)
    reason = WHY_NOT[one.why_not].text(lang())
    if one.why_not == "expired":
        reason = say("residual_expired", expiry=expiry)
    return say("residual_not", title=title, reason=reason)


_WIDTHS: Final = (1.1, 1.4, 1.4, 1.3)


@dataclass(frozen=True, slots=True)
class Stale:
    """An edit that was refused: what was opened, both sides, the changes that were not written."""

    opened: FormStart
    problem: StaleRevisionError
    changes: Mapping[str, Any]
    signature: Signature


def draw_stale(stale: Stale) -> dict[str, Any] | None:
    """Draw the comparison; return the changes to take over, {} to drop them all, None until decided."""
    layer, problem = stale.opened.layer, stale.problem
    notice("warning", say("stale_lead", seen=problem.seen, current=problem.current))
    keys = list(dict.fromkeys((*stale.changes, *problem.mine, *problem.theirs)))
    _row(
        *(
            f"<b>{escape(text)}</b>"
            for text in (say("stale_field"), say("stale_mine"), say("stale_theirs", version=problem.current))
        )
    )
    taken: dict[str, Any] = {}
    open_questions = 0
    for key in keys:
        mine, theirs = problem.mine.get(key), problem.theirs.get(key)
        place = _row(
            escape(key_title(layer, key)),
            escape(value_text(layer, key, mine))
            if key in stale.changes
            else f'<span class="rm-none">{escape(say("stale_untouched"))}</span>',
            escape(value_text(layer, key, theirs)),
        )
        if key not in stale.changes:
            continue
        words = {True: say("stale_take_mine"), False: say("stale_keep_theirs")}
        both = _changed_by_both(stale, key)
        use_mine = place.radio(
            key_title(layer, key),
            (True, False),
            index=None if both else 0,
            format_func=words.__getitem__,
            horizontal=True,
            label_visibility="collapsed",
            key=f"stale-{problem.current}-{key}",
        )
        open_questions += use_mine is None
        if both:
            place.caption(say("stale_both"))
        if use_mine:
            taken[key] = stale.changes[key]
    with st.container(horizontal=True):
        save = st.button(
            say("stale_save", version=problem.current + 1),
            key="stale-save",
            type="primary",
            disabled=bool(open_questions) or not taken,
        )
        drop = st.button(say("stale_drop"), key="stale-drop")
    if save:
        return taken
    return {} if drop else None


def _changed_by_both(stale: Stale, key: str) -> bool:
    """Tell whether the ledger's value is no longer the one that the form was opened with."""
    if key == "contacts":  # comes as the differing roles only: let a person look
        return True
    return stale.problem.theirs.get(key) != stale.opened.stated.get(key)


def _row(*cells: str) -> Any:
    places = st.columns(_WIDTHS, vertical_alignment="center")
    for place, cell in zip(places, cells, strict=False):
        place.html(f"<div>{cell}</div>")
    return places[-1]
