"""What is known of a model beside its numbers: sensitivity, certainty, the card.

The versions of a model: who saved which text, when and why; each can be read and put back.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

import streamlit as st
import tomli

from riskmap.actions.model_saving import ModelVersion, raised_text
from riskmap.actions.models import under_draft
from riskmap.actions.records.certainty import sensitivity_json, uncertainty_json
from riskmap.catalog import Indicator, Layer, ScoringModel
from riskmap.catalog.model import DirectRule, Gate, Measure
from riskmap.errors import RiskmapError
from riskmap.texts import field_title
from riskmap.vocabulary import TIERS
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.pages.model import words
from riskmap.web.pages.model.form import ModelDraft
from riskmap.web.widgets.panels import Cell, FigureRef, Row, TableColumn, field_box, show_table, tier_cell
from riskmap.web.widgets.signing import keep_notice, notice, refuse
from riskmap.web.widgets.wording import moment

_SENSITIVITY: Final = "model-sensitivity"


_CERTAINTY: Final = "model-certainty"


_LEAST: Final = 0.005  # a share that rounds to 0.00 draws no bar


def sensitivity(draft: ModelDraft, model: ScoringModel) -> None:
    """Which fields the score hangs on, once somebody asks."""
    section(say("model_sensitivity"))
    st.caption(say("model_sensitivity_about"))
    document = _asked(
        _SENSITIVITY, draft, model, lambda: sensitivity_json(under_draft(workspace(), model), draft.layer)
    )
    if document is None:
        return
    layer = workspace().catalog.layer(draft.layer)
    rows = [_index(field_title(layer, one["field"], lang()), one) for one in document["factors"]]
    heads = "".join(
        f"<span class='{kind}'>{escape(text)}</span>"
        for kind, text in (
            ("head", say("conditions_field")),
            ("head", say("model_share")),
            ("head num", say("model_first")),
            ("head num", say("model_total")),
        )
    )
    st.html(f'<div class="rm-model-bars">{heads}{"".join(rows)}</div>')
    if document["fixed"]:
        titles = words.listed(field_title(layer, field, lang()) for field in document["fixed"])
        st.caption(say("model_fixed", fields=words.markdown(titles)))
    with field_box("runs"):
        st.caption(say("model_sensitivity_note", runs=f"{document['runs']:,}"))


def _index(title: str, one: Mapping[str, Any]) -> str:
    first, total = float(one["first"]), float(one["total"])
    bars = "".join(
        f'<i class="{kind}" style="width:{min(max(share, 0), 1) * 100:.1f}%"></i>'
        for kind, share in (("all", total), ("own", first))
        if share > _LEAST
    )
    return (
        f'<span>{escape(title)}</span><span class="bar">{bars}</span>'
        f'<span class="num">{first:.2f}</span><span class="num">{total:.2f}</span>'
    )


def certainty(draft: ModelDraft, model: ScoringModel) -> None:
    """How many points of each tier are to be expected, given the doubts that the model states."""
    section(say("model_certainty"))
    if model.uncertainty is None:
        st.caption(say("model_certainty_none"))
        return
    st.caption(say("model_certainty_about"))
    document = _asked(
        _CERTAINTY, draft, model, lambda: uncertainty_json(under_draft(workspace(), model), [draft.layer])
    )
    if document is None:
        return
    (found,) = document["layers"]
    if found["expected"] is None:  # not to be judged now
        problem = found["problem"] or {}
        notice("info", problem.get(lang()) or say("model_certainty_unknown"))
        return
    columns = [
        TableColumn("tier", say("list_tier"), "tier-cell"),
        TableColumn("now", say("model_then"), "number"),
        TableColumn("expected", say("model_expected_count"), "number"),
    ]
    rows = [
        Row(
            [
                tier_cell(words.standing(draft.layer, tier)),
                Cell(f"{found['tiers'][tier]:,}", figure=_of(draft, tier, "now")),
                Cell(f"{found['expected'][tier]:,.1f}", figure=_of(draft, tier, "expected")),
            ]
        )
        for tier in TIERS
    ]
    show_table("model-certainty-tiers", columns, rows, dense=True)
    kind = say("sure_exact" if found["method"] == "exact" else "sure_sampled")
    text = say(
        "model_certainty_note",
        points=f"{found['points']:,}",
        unknown=f"{found['unknown']:,}",
        flips=f"{len(found['flips']):,}",
    )
    st.caption(f"{text} {kind}")


def _of(draft: ModelDraft, tier: str, within: str) -> FigureRef:
    asked = f"tier == {words.standing(draft.layer, tier)} {within} by this model"
    return FigureRef(f"records.layer.{draft.layer}", within=asked)


def _asked(
    key: str, draft: ModelDraft, model: ScoringModel, compute: Callable[[], dict[str, Any]]
) -> dict[str, Any] | None:
    """Return what takes seconds: as kept for this very model and ledger, or made when the button is used."""
    about = (draft.layer, model.digest, snapshot().key)
    kept: tuple[Any, dict[str, Any]] | None = st.session_state.get(key)
    if kept is not None and kept[0] == about:
        return kept[1]
    place = st.empty()
    if not place.button(say(f"{key.replace('-', '_')}_go"), key=f"{key}-go"):
        return None
    try:
        with place, st.spinner(say("model_computing")):
            document = compute()
    except RiskmapError as problem:
        refuse(problem)
        return None
    place.empty()
    st.session_state[key] = (about, document)
    return document


# The card
def card(layer: Layer, model: ScoringModel) -> None:
    """What a model is, where it comes from, what it needs, what decides beside the score."""
    section(say("model_card"))
    score = model.node(model.score)
    titles = {node.id: node.title.text(lang()) for node in model.nodes}
    if isinstance(score, Indicator):
        method = field_title(layer, score.field, lang())
    else:
        parts = words.listed(titles[part] for part in score.of)
        method = say(
            "model_method_of", title=titles[score.id], method=words.method_words(score.method), parts=parts
        )
    pairs = [
        (say("model_source_title"), model.source),
        (say("model_status"), _status(model)),
        (say("model_method"), method),
        (say("model_unit_title"), model.unit.text(lang()) or "—"),
        (say("model_fields"), words.listed(field_title(layer, f, lang()) for f in model.fields)),
        (say("model_required"), words.listed(field_title(layer, f, lang()) for f in model.required)),
        (say("model_rule_fields"), words.listed(field_title(layer, f, lang()) for f in model.rule_fields)),
        (say("model_compares"), say("model_compares_yes" if model.fitted else "model_compares_no")),
    ]
    _facts(pairs)
    _missing(layer, model)
    _decisions(layer, model)
    _measures(layer, model)
    _learned(model)


def _status(model: ScoringModel) -> str:
    status = say(f"export_status_{model.status}")
    if model.status != "adopted":
        return status
    return say("model_adopted_by", status=status, adopted=model.adopted or say("model_adopted_unsaid"))


def _source_cell(part: Indicator | Gate | DirectRule | Measure) -> Cell:
    """Where the numbers of a part come from; "" is a source that they have lost, none is one never needed."""
    lost = "source" in part.model_fields_set and not part.source
    return Cell(say("model_source_lost") if lost else part.source or "—", quiet=not part.source)


def _facts(pairs: Sequence[tuple[str, str]]) -> None:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in pairs)
    st.html(f'<dl class="rm-facts rm-model-facts" data-field="model">{rows}</dl>')


def _missing(layer: Layer, model: ScoringModel) -> None:
    columns = [
        TableColumn("node", say("model_indicator"), "short"),
        TableColumn("field", say("conditions_field"), "short"),
        TableColumn("missing", say("model_missing")),
        TableColumn("source", say("model_source_title")),
    ]
    rows = [
        Row(
            [
                Cell(leaf.title.text(lang()), head=True),
                Cell(field_title(layer, leaf.field, lang())),
                Cell(say(f"model_missing_{leaf.missing}")),
                _source_cell(leaf),
            ]
        )
        for leaf in model.indicators
    ]
    show_table("model-indicators", columns, rows, dense=True)


def _decisions(layer: Layer, model: ScoringModel) -> None:
    if not model.rules and not model.gates:
        return
    columns = [
        TableColumn("what", say("model_decision"), "short"),
        TableColumn("tier", say("model_effect"), "tier-cell"),
        TableColumn("title", say("model_rule")),
        TableColumn("when", say("model_when")),
        TableColumn("status", say("model_status"), "short"),
        TableColumn("source", say("model_source_title")),
    ]
    decisions = [("gate", gate, gate.at_most) for gate in model.gates]
    decisions += [("rule", rule, rule.tier) for rule in model.rules]
    rows = [
        Row(
            [
                Cell(say(f"model_{kind}_effect"), head=True),
                tier_cell(layer.standing(tier)),
                Cell(one.title.text(lang())),
                Cell(words.conditions_words(one.when, layer, model)),
                Cell(say(f"export_status_{one.status}")),
                _source_cell(one),
            ]
        )
        for kind, one, tier in decisions
    ]
    show_table("model-decisions", columns, rows, dense=True)


def _measures(layer: Layer, model: ScoringModel) -> None:
    if not model.measures:
        return
    columns = [
        TableColumn("title", say("model_measure"), "short"),
        TableColumn("when", say("model_when")),
        TableColumn("effect", say("model_effect"), "short"),
        TableColumn("floor", say("model_floor"), "tier-cell"),
        TableColumn("until", say("model_until"), "short"),
        TableColumn("status", say("model_status"), "short"),
        TableColumn("source", say("model_source_title")),
    ]
    rows = []
    for one in model.measures:
        effect = (
            say("model_effect_tiers", n=one.effect.tiers)
            if one.effect.tiers
            else say("model_effect_factor", x=f"{one.effect.factor:g}")
        )
        until = (
            field_title(layer, one.expires, lang())
            if one.expires
            else say("model_days", n=one.valid_days or 0)
        )
        rows.append(
            Row(
                [
                    Cell(one.title.text(lang()), head=True),
                    Cell(words.conditions_words(one.when, layer, model)),
                    Cell(effect),
                    tier_cell(layer.standing(one.floor)),
                    Cell(until),
                    Cell(say(f"export_status_{one.status}")),
                    _source_cell(one),
                ]
            )
        )
    show_table("model-measures", columns, rows, dense=True)


def _learned(model: ScoringModel) -> None:
    for node in model.learned:
        file = workspace().root / "models" / node.learned.artefact
        beside = file.with_suffix(".card.toml")
        with st.expander(words.markdown(say("model_learned_card", title=node.title.text(lang())))):
            try:
                text = beside.read_text(encoding="utf-8")
                if leaking := _leaking(text):
                    st.warning(say("model_learned_leakage", fields=words.markdown("、".join(leaking))))
                st.code(text, language="toml", wrap_lines=True)
            except (OSError, UnicodeDecodeError):
                st.caption(say("model_learned_no_card", file=words.markdown(beside.name)))


def _leaking(card_text: str) -> list[str]:
    """Return the predictors that training suspected of holding the answer; none where the card cannot be read."""
    try:
        named = tomli.loads(card_text).get("leakage", [])
    except tomli.TOMLDecodeError:
        return []
    return [str(name) for name in named] if isinstance(named, list) else []


_SHOWN: Final = "model-version-shown"


def versions(draft: ModelDraft, found: Sequence[ModelVersion]) -> None:
    """Every version with who and why; any of them can be looked at and put back."""
    section(say("model_versions"))
    columns = [
        TableColumn("version", say("list_version"), "code"),
        TableColumn("state", say("list_state"), "short"),
        TableColumn("at", say("history_at"), "short"),
        TableColumn("who", say("history_who"), "short"),
        TableColumn("why", say("history_why")),
        TableColumn("digest", say("model_digest"), "code"),
        TableColumn("act", "", "short"),
    ]
    rows = [
        Row(
            [
                Cell(one.version or "—", head=True),
                Cell(say(f"model_version_{_state(one)}")),
                Cell(moment(one.at) if one.at else "—"),
                Cell(one.who or "—"),
                Cell(one.why or "—"),
                Cell(one.digest[:8], quiet=True),
                Cell(say("model_version_show"), act=str(i)),
            ]
        )
        for i, one in enumerate(found)
    ]
    clicked = show_table("model-versions", columns, rows, dense=True)
    if clicked is not None and clicked.isdigit():
        st.session_state[_SHOWN] = (draft.layer, found[int(clicked)].digest)
    shown = st.session_state.get(_SHOWN)
    if shown and shown[0] == draft.layer:
        one = next((v for v in found if v.digest == shown[1]), None)
        if one is not None:
            _version(draft, one)


def _state(one: ModelVersion) -> str:
    if one.current:
        return "current"
    if one.pending:
        return "pending"
    return "saved" if one.saved else "used"


def _version(draft: ModelDraft, one: ModelVersion) -> None:
    with st.container(border=True, key="model-version-box"):
        st.markdown(f"**{words.markdown(say('model_version_title', version=one.version or '—'))}**")
        if one.pending:
            st.caption(say("model_version_pending_about"))
        text, change = st.tabs([say("model_version_text"), say("model_version_difference")])
        text.code(one.text, language="toml", line_numbers=True, height=360)
        with change:
            difference(one.text, draft.base.text, one.version, draft.base.version)
        if draft.changed and not one.current:
            st.caption(say("model_put_back_over"))
        with st.container(horizontal=True):
            st.button(
                say("model_put_back"),
                key="model-put-back",
                disabled=one.current,
                on_click=_put_back,
                args=(draft, one),
            )
            st.button(say("model_version_close"), key="model-version-close", on_click=_close)


def difference(before: str, after: str, old: str, new: str) -> None:
    """Draw which lines two texts differ in."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="", n=1)
    text = "\n".join(lines)
    if text:
        st.code(text, language="diff", wrap_lines=True)
    else:
        st.caption(say("model_no_difference"))


def _close() -> None:
    st.session_state.pop(_SHOWN, None)


def _put_back(draft: ModelDraft, one: ModelVersion) -> None:
    text = one.text if one.pending else raised_text(workspace(), draft.layer, one.text)
    draft.replace(text)
    keep_notice("info", say("model_put_back_done", version=one.version))
    _close()
