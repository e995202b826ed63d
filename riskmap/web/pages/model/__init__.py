"""模型: a scoring model as form and file; what a change would move is seen before it is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Final

import streamlit as st

from riskmap.actions.model_saving import (
    ModelVersion,
    Saved,
    known_texts,
    model_versions,
    next_version,
    open_model,
    save_model,
)
from riskmap.actions.models import Preview, layers_using
from riskmap.actions.tier_models import adopted_model
from riskmap.catalog import ScoringModel
from riskmap.catalog.model_sources import loses_adoption, lost_sources, stated_status, unsourced
from riskmap.catalog.model_text import stated_version, with_version
from riskmap.catalog.toml_lines import key_lines
from riskmap.errors import Lang, RiskmapError, StaleModelError
from riskmap.progress import Progress
from riskmap.rules.permissions import Actor
from riskmap.web.frame.running import Outcome
from riskmap.web.frame.shell import page_look, section
from riskmap.web.frame.state import address_leads, lang, say, workspace, write_address
from riskmap.web.pages import Page
from riskmap.web.pages.model import about
from riskmap.web.pages.model.form import ModelDraft, draft_of, draw_model_form, forget, text_typed
from riskmap.web.pages.model.preview import draw_preview
from riskmap.web.widgets.signing import (
    ask_signature,
    carried_out,
    keep_notice,
    notice,
    refuse,
    show_kept_notice,
)

PAGE: Final = Page(id="model", zh="模型", en="Model", order=60)


_LAYER: Final = "model-layer"


_LAST: Final = "model-layer-last"


_STALE: Final = "model-stale"


_SAVED: Final = "model-saved"  # layer and text of the draft that was saved last, until its page has seen it


_SAVES: Final = "model-saves"  # how often this session saved: the reason is asked for anew each time


_TEXT_HEIGHT: Final = 560


_LONGEST_VERSION: Final = 40


def render() -> None:
    """Draw the page."""
    page_look()
    _follow_save()
    show_kept_notice()
    layer = _choose()
    draft = draft_of(layer)
    adopted = adopted_model(workspace(), layer)
    if adopted is not None:  # else the page's notice says what is wrong with its file, which is mended here
        _heading(draft, adopted)
    if _stale(draft):
        return
    found = model_versions(workspace(), layer)
    _by_hand(found)
    left, right = st.columns([1.2, 1], gap="large")
    with left, st.container(key="model-edit"):
        form, file = st.tabs([say("model_tab_form"), say("model_tab_file")])
        with form, st.container(key="model-form"):
            draw_model_form(draft, workspace().catalog.layer(layer))
        with file:
            _file(draft)
    with right, st.container(key="model-preview"):
        seen = draw_preview(draft)
    _save_box(draft, seen, found)
    model = adopted if seen is None else seen.model
    if model is not None:
        _about(draft, model)
    about.versions(draft, found)


def _about(draft: ModelDraft, model: ScoringModel) -> None:
    first, second = st.columns([1.2, 1], gap="large")
    with first:
        about.sensitivity(draft, model)
    with second:
        about.certainty(draft, model)
    about.card(workspace().catalog.layer(draft.layer), model)


def _by_hand(found: Sequence[ModelVersion]) -> None:
    """Say which numbers somebody changed in the file itself without stating their source anew."""
    here = next(one for one in found if one.current)
    known = [one.text for one in found if not one.current]
    if here.saved or not known or not (lost := lost_sources(here.text, known)):
        return
    lines = key_lines(here.text)
    notice("warning", say("model_by_hand", n=len(lost), lines=say("comma").join(str(lines[p]) for p in lost)))


def _choose() -> str:
    """Return the layer that the address or the choice names; both stay the same."""
    layers = {one: layer for one, layer in workspace().catalog.layers.items() if layer.model}
    asked = st.query_params.get("layer", "")
    if st.session_state.get(_LAYER) not in layers or address_leads():  # a choice is forgotten on another page
        last = st.session_state.get(_LAST)
        known = [one for one in (asked, last, *layers) if one in layers]
        st.session_state[_LAYER] = known[0]
    title, choice = st.columns([3, 1.2], vertical_alignment="bottom")
    title.html(f'<div class="rm-head"><h1>{escape(say("model_title"))}</h1></div>')
    layer = choice.selectbox(
        say("list_layer"),
        list(layers),
        format_func=lambda one: layers[one].title.text(lang()),
        key=_LAYER,
        label_visibility="collapsed",
    )
    st.session_state[_LAST] = layer
    write_address(("layer",), {"layer": layer})
    return layer


def _heading(draft: ModelDraft, model: ScoringModel) -> None:
    ws = workspace()
    status = (
        f'<span class="rm-mark rm-mark-{model.status}">{escape(say(f"export_status_{model.status}"))}</span>'
    )
    name = say("model_name", title=model.title.text(lang()), version=draft.base.version or "—")
    bare = len(unsourced(draft.base.text))
    lost = (
        f'<span class="rm-mark" data-field="source">{escape(say("model_unsourced", n=bare))}</span>'
        if bare
        else ""
    )
    edited = f'<span class="rm-mark">{escape(say("model_edited"))}</span>' if draft.changed else ""
    st.html(
        f'<div class="rm-head"><span class="rm-model-name" data-field="model">{escape(name)}</span>{status}{lost}{edited}</div>'
        f'<div class="rm-sub" data-field="source">{escape(model.source)}</div>'
    )
    others = [one for one in layers_using(ws, model.id) if one != draft.layer]
    if others:
        titles = say("comma").join(ws.catalog.layer(one).title.text(lang()) for one in others)
        notice("info", say("model_shared", layers=titles))
    if draft.changed and draft.base.digest != model.digest:
        notice("warning", say("model_saved_meanwhile", version=model.version))


def _file(draft: ModelDraft) -> None:
    st.text_area(
        say("model_file_label", file=draft.base.file.name),
        key=draft.text_key,
        height=_TEXT_HEIGHT,
        on_change=text_typed,
        args=(draft,),
    )
    st.caption(say("model_file_about"))


# Saving
def _save_box(draft: ModelDraft, seen: Preview | None, found: Sequence[ModelVersion]) -> None:
    section(say("model_save_title"))
    with st.container(border=True, key="model-save-box"):
        proposed = _proposed(draft, found)
        first, second = st.columns([1, 3.4])
        version = first.text_input(
            say("model_version"),
            value=proposed,
            key=f"model-version-{draft.layer}-{proposed}",
            max_chars=_LONGEST_VERSION,
            help=say("model_version_about"),
        )
        with second:
            number = st.session_state.get(_SAVES, 0)
            signature = ask_signature(f"model-{draft.layer}-{number}", reason_hint=say("model_reason_hint"))
        known = known_texts(draft.base.text, found)
        falls = loses_adoption(draft.text, known)
        adopt = (falls or stated_status(draft.text) == "draft") and st.checkbox(
            say("model_adopt"), key=f"model-adopt-{draft.layer}-{number}"
        )
        assess = st.checkbox(say("model_assess"), value=True, key=f"model-assess-{draft.layer}")
        with st.container(horizontal=True):
            ready = seen is not None and (draft.changed or adopt)
            save = st.button(say("model_save"), key="model-save", type="primary", disabled=not ready)
            st.button(
                say("model_reset"),
                key="model-reset",
                disabled=not draft.changed,
                on_click=_reset,
                args=(draft,),
            )
        if lost := lost_sources(draft.text, known):
            st.caption(say("model_lost_sources", n=len(lost)))
        if falls and not adopt:
            st.caption(say("model_falls"))
        if not (draft.changed or adopt):
            st.caption(say("model_nothing_to_save"))
        elif seen is None:
            st.caption(say("model_mend_first"))
        if not save:
            return
        if signature.missing:
            notice("warning", signature.missing)
            return
        _save(draft, version.strip(), by=signature.by, why=signature.why, adopt=adopt, assess=assess)


def _proposed(draft: ModelDraft, found: Sequence[ModelVersion]) -> str:
    """Return the version to save under: what the draft states where that is free, else the next one."""
    used, stated = {one.version for one in found}, stated_version(draft.text)
    waiting = any(one.pending and one.text == draft.text for one in found)
    return stated if stated and (stated not in used or waiting) else next_version(draft.base.version, used)


def _save(draft: ModelDraft, version: str, *, by: Actor, why: str, adopt: bool, assess: bool) -> None:
    try:
        text = with_version(draft.text, version)
    except RiskmapError as problem:
        refuse(problem)
        return
    save = partial(
        save_model,
        workspace(),
        draft.layer,
        text,
        base_digest=draft.base.digest,
        by=by,
        why=why,
        adopt=adopt,
        assess=assess,
    )
    done = carried_out("model", partial(_saved, save, (draft.layer, draft.text), lang()))
    if done is None:
        return
    if _SAVED in done.state:
        keep_notice(done.tone, say(done.said, **done.values))
    st.rerun()


def _saved(save: Callable[..., Saved], draft: tuple[str, str], words: Lang, progress: Progress) -> Outcome:
    """Save a model; where somebody else did meanwhile, the page shows what both made of it."""
    try:
        saved = save(progress=progress)
    except StaleModelError as problem:
        stale = {_STALE: (draft[0], problem)}
        return Outcome("running_refused", {"why": problem.text(words)}, "warning", state=stale)
    version, state = saved.model.version, {_SAVED: draft}
    if saved.refused is not None:
        why = saved.refused.text(words)
        return Outcome("model_saved_unassessed", {"version": version, "why": why}, "warning", state=state)
    if saved.assessed is None:
        return Outcome("model_saved", {"version": version}, state=state)
    run = saved.assessed["run"]
    moved = 0 if run is None else len(saved.workspace.ledger.tier_changes(run=run))
    return Outcome("model_saved_assessed", {"version": version, "n": f"{moved:,}"}, state=state)


def _follow_save() -> None:
    """Begin anew from the file where a draft was saved, unless it was changed since."""
    saved: tuple[str, str] | None = st.session_state.pop(_SAVED, None)
    if saved is None:
        return
    layer, text = saved
    if draft_of(layer).text == text:
        forget(layer)
    st.session_state[_SAVES] = st.session_state.get(_SAVES, 0) + 1


def _reset(draft: ModelDraft) -> None:
    here = open_model(workspace(), draft.layer)
    draft.replace(here.text, base=here)


def _stale(draft: ModelDraft) -> bool:
    """Draw what two people made of one model, where a save was refused; return whether it was."""
    kept: tuple[str, StaleModelError] | None = st.session_state.get(_STALE)
    if kept is None or kept[0] != draft.layer:
        return False
    problem = kept[1]
    refuse(problem)
    mine, theirs = st.columns(2, gap="large")
    with mine:
        section(say("model_stale_mine"))
        about.difference(draft.base.text, problem.mine, draft.base.version, say("model_stale_me"))
    with theirs:
        section(say("model_stale_theirs", version=problem.version))
        about.difference(draft.base.text, problem.theirs, draft.base.version, problem.version)
    with st.container(horizontal=True):
        st.button(
            say("model_stale_keep"),
            key="model-stale-keep",
            type="primary",
            on_click=_settle,
            args=(draft,),
            kwargs={"keep": True},
        )
        st.button(
            say("model_stale_drop"),
            key="model-stale-drop",
            on_click=_settle,
            args=(draft,),
            kwargs={"keep": False},
        )
    return True


def _settle(draft: ModelDraft, *, keep: bool) -> None:
    """Go on from the file as it is now: with one's own text, or with the file's."""
    st.session_state.pop(_STALE, None)
    here = open_model(workspace(), draft.layer)
    draft.replace(draft.text if keep else here.text, base=here)


if __name__ == "__main__":
    render()
