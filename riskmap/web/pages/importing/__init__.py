"""导入: files of a sub-district, looked at first, then written; below, what earlier imports left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import streamlit as st

from riskmap.actions.importing import (
    COMMITTING,
    FileImport,
    ImportOutcome,
    commit_files,
    fill_file,
    plan_file,
    read_for_import,
    row_codes,
)
from riskmap.actions.layer_files import layer_template
from riskmap.actions.suggestions import FILLABLE
from riskmap.errors import DatumError, RiskmapError, StaleRevisionError, Text
from riskmap.progress import Progress
from riskmap.vocabulary import GRADES, RANKS, STANDINGS, TIER_TITLES, TIERS
from riskmap.web.frame import downloads
from riskmap.web.frame.shell import page_look, page_title, section
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages import Page
from riskmap.web.pages.importing.backlog import backlog, rejected_download
from riskmap.web.pages.importing.outlook import forget_outlooks
from riskmap.web.pages.importing.review import datum_title, files_table, review
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    Row,
    TableColumn,
    pager_of,
    point_address,
    show_offer,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import ask_signature, notice, refuse, show_kept_notice, undo_box
from riskmap.web.widgets.uploads import Uploaded, keep_uploads, private_folder, shown_name
from riskmap.web.widgets.wording import word

PAGE: Final = Page(id="import", zh="导入", en="Import", order=30)


_RUN: Final = "import-run"


_OUTCOME: Final = "import-outcome"


_ROUND: Final = "import-round"  # a new number empties the upload box


_DATUMS: Final = ("", "cgcs2000", "wgs84", "gcj02", "bd09", "EPSG:4547", "other")


_CHANGES: Final = 20


@dataclass(frozen=True, slots=True)
class Run:
    """Files that were read and compared, and those that could not be: (name, why)."""

    layer: str
    files: tuple[FileImport, ...]
    refused: tuple[tuple[str, str], ...]
    full_list: bool


def render() -> None:
    """Draw the page."""
    page_look()
    show_kept_notice()
    page_title(say("import_title"), say("import_lead"))
    outcome: ImportOutcome | None = st.session_state.get(_OUTCOME)
    run: Run | None = st.session_state.get(_RUN)
    if outcome is not None:
        _result(outcome)
    if run is not None:
        _look(run)
    elif outcome is None:
        _choose()
    st.divider()
    section(say("backlog_title"))
    backlog()


# 1 Choose
def _choose() -> None:
    ws = workspace()
    left, right = st.columns([1, 1.35], gap="large")
    with left:
        layer = st.selectbox(
            say("import_layer"),
            list(ws.catalog.layers),
            format_func=lambda one: ws.catalog.layer(one).title.text(lang()),
            key="import-layer",
        )
        datum = st.selectbox(say("import_datum"), _DATUMS, format_func=_datum_choice, key="import-datum")
        if datum == "other":
            datum = st.text_input(
                say("import_epsg"), key="import-epsg", placeholder="EPSG:4547", max_chars=20
            ).strip()
            st.caption(say("datum_help_other"))
        else:
            st.caption(say(f"datum_help_{datum.lower().replace(':', '') or 'none'}"))
        codes = _ask_codes()
        full_list = st.checkbox(say("import_full_list"), key="import-full-list")
        st.caption(say("import_full_list_help"))
        hidden = st.checkbox(say("import_hidden"), key="import-hidden")
    with right:
        files = st.file_uploader(
            say("import_files"),
            accept_multiple_files=True,
            key=f"import-files-{st.session_state.get(_ROUND, 0)}",
        )
        st.caption(say("import_files_help"))
        checked = st.button(say("import_check"), key="import-check", type="primary", disabled=not files)
        _template(layer)
        if checked:
            _read(layer, list(files), datum, codes, full_list=full_list, hidden=hidden)


def _template(layer: str) -> None:
    """Offer a blank workbook of the chosen layer, made when it is fetched."""
    ws, language = workspace(), lang()
    title = ws.catalog.layer(layer).title.text(language)

    def make() -> bytes:
        with private_folder() as folder:
            layer_template(ws, layer, folder / "template.xlsx", lang=language)
            return (folder / "template.xlsx").read_bytes()

    name = downloads.file_name(say("import_template_file", layer=title), "xlsx")
    show_offer(f"import-template-{layer}", say("import_template", layer=title), name, make)
    st.caption(say("import_template_help"))


def _datum_choice(datum: str) -> str:
    if not datum:
        default = workspace().config.default_datum
        return say("datum_default", datum=datum_title(default)) if default else say("datum_carried")
    return say("datum_other") if datum == "other" else datum_title(datum)


def _ask_codes() -> dict[str, str]:
    """Ask how rows without a code get one; return the words of `row_codes`."""
    choices = ("", "number", "match")
    chosen = st.selectbox(
        say("import_codes"),
        choices,
        format_func=lambda one: say(f"import_codes_{one or 'none'}"),
        key="import-codes",
    )
    if chosen == "number":
        prefix = st.text_input(
            say("import_prefix"), key="import-prefix", placeholder="DM-", max_chars=20
        ).strip()
        return {"number": prefix}
    return {"match": "name"} if chosen == "match" else {}


def _read(
    layer: str,
    files: Sequence[Uploaded],
    datum: str,
    codes: Mapping[str, str],
    *,
    full_list: bool,
    hidden: bool,
) -> None:
    """Read and compare every file; those that cannot be read are told, the others go on."""
    ws = workspace()
    bar = st.progress(0.0, text=say("import_progress_upload"))
    planned: list[FileImport] = []
    refused: list[tuple[str, str]] = []
    with private_folder() as folder:
        try:
            given = row_codes(ws, layer, **codes)
            uploads = keep_uploads(files, folder)
        except RiskmapError as problem:
            bar.empty()
            refuse(problem)
            return
        whole = Progress(partial(_show, bar))
        for upload, part in zip(uploads, whole.parts(*(1 for _ in uploads)), strict=True):
            reading, comparing = part.parts(2, 1)
            try:
                intake = read_for_import(
                    ws,
                    layer,
                    upload.path,
                    datum=datum or None,
                    name=upload.name,
                    codes=given,
                    hidden=hidden,
                    progress=reading,
                )
                planned.append(plan_file(ws, intake, full_list=full_list, progress=comparing))
            except RiskmapError as problem:
                text = problem.text(lang())
                if isinstance(problem, DatumError) and not datum:
                    text = f"{text}\n{say('import_declare')}"
                refused.append((upload.name, text.replace(upload.path.name, shown_name(upload.name))))
    bar.empty()
    if planned:
        st.session_state[_RUN] = Run(layer, tuple(planned), tuple(refused), full_list)
        st.session_state.pop(_OUTCOME, None)
        st.rerun()
    for _, text in refused:
        notice("error", text)


def _show(bar: Any, share: float, what: Text) -> None:
    bar.progress(share, text=escape_markdown(what.text(lang())))


# 2 Look
def _look(run: Run) -> None:
    layer = workspace().catalog.layer(run.layer)
    section(say("import_look", layer=layer.title.text(lang())))
    for _, text in run.refused:
        notice("error", text)
    files_table("import-files-table", run.files)
    _full_list(run)
    chosen = 0
    if len(run.files) > 1:
        chosen = st.selectbox(
            say("import_which_file"),
            range(len(run.files)),
            format_func=lambda i: run.files[i].intake.file,
            key="import-which",
        )
    _offers(run, chosen)
    review(layer, run.files[chosen], f"import-review-{chosen}")
    rejects = [(f.intake.file, None, f.intake.rejected) for f in run.files if f.intake.rejected]
    if rejects:
        rejected_download("import-rejects", rejects)
    _commit(run)


def _offers(run: Run, chosen: int) -> None:
    """Offer what the ledger could add where the file is silent; nothing is added without a click."""
    file = run.files[chosen]
    if not file.offered:
        return
    section(say("import_offers", n=len(file.offered)))
    st.caption(say("import_offers_lead"))
    key = f"import-offers-{chosen}"
    pager = pager_of(key, len(file.offered), _CHANGES)
    columns = [
        TableColumn("place", say("import_place"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("offer", say("import_offer")),
    ]
    rows = [
        Row([Cell(f"{one.sheet}!{one.row}"), Cell(one.code), Cell(one.say.text(lang()))])
        for one in file.offered[pager.start : pager.stop]
    ]
    show_table(key, columns, rows, pager=pager if pager.pages > 1 else None, dense=True)
    with st.container(horizontal=True):
        for field in FILLABLE:
            count = sum(one.field == field for one in file.offered)
            if count and st.button(say(f"import_fill_{field}", n=count), key=f"{key}-{field}"):
                filled = fill_file(workspace(), file, [field], full_list=run.full_list)
                files = (*run.files[:chosen], filled, *run.files[chosen + 1 :])
                st.session_state[_RUN] = replace(run, files=files)
                st.rerun()


def _full_list(run: Run) -> None:
    if run.full_list and len(run.files) > 1:
        together = set.intersection(*(set(f.plan.absent) for f in run.files))
        notice("info", say("import_absent_together", n=len(together)))


def _commit(run: Run) -> None:
    changes = sum(f.plan.count("insert") + f.plan.count("update") for f in run.files)
    waiting = sum(f.plan.count("held") for f in run.files)
    rejected = sum(len(f.intake.rejected) for f in run.files)
    with st.container(border=True, key="import-commit-box"):
        st.markdown(
            f"**{say('import_commit_lead', n=f'{changes:,}', held=f'{waiting:,}', rejected=f'{rejected:,}')}**"
        )
        signature = ask_signature("import", reason_hint=say("import_reason_hint"))
        with st.container(horizontal=True):
            go = st.button(say("import_commit"), key="import-commit", type="primary")
            st.button(say("import_drop"), key="import-drop", on_click=_drop)
        if not go:
            return
        if signature.missing:
            notice("warning", signature.missing)
            return
        bar = st.progress(0.0, text=COMMITTING.text(lang()))
        try:
            outcome = commit_files(
                workspace(),
                run.layer,
                run.files,
                by=signature.by,
                why=signature.why,
                full_list=run.full_list,
                progress=Progress(partial(_show, bar)),
            )
        except RiskmapError as problem:
            bar.empty()
            refuse(problem)
            return
    st.session_state[_OUTCOME] = outcome
    if outcome.left:
        st.session_state[_RUN] = Run(run.layer, outcome.left, (), run.full_list)
    else:
        _drop()
    st.rerun()


def _drop() -> None:
    st.session_state.pop(_RUN, None)
    forget_outlooks()
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


# 3 Done
def _result(outcome: ImportOutcome) -> None:
    if outcome.refused is not None:
        stale, text = isinstance(outcome.refused, StaleRevisionError), outcome.refused.text(lang())
        notice("warning", say("import_stale", text=text) if stale else text)
    if not outcome.committed:
        return
    files = [f.committed for f in outcome.committed if f.committed is not None]
    total = {
        name: sum(getattr(c, name) for c in files)
        for name in ("inserted", "updated", "unchanged", "held", "rejected")
    }
    notice("success", say("import_done", **{k: f"{v:,}" for k, v in total.items()}))
    if outcome.unrated is not None:
        notice("warning", say("import_unrated", text=outcome.unrated.text(lang())))
    else:
        _tier_changes(outcome)
    rejects = [
        (f.intake.file, f.committed.batch if f.committed else None, f.intake.rejected)
        for f in outcome.committed
        if f.intake.rejected
    ]
    if rejects:
        rejected_download("import-result-rejects", rejects)
    with st.container(horizontal=True):
        if st.button(say("import_again"), key="import-again", type="primary"):
            st.session_state.pop(_OUTCOME, None)
            st.rerun()
    for number, file in enumerate(outcome.committed):
        if file.committed is None or not (file.committed.inserted or file.committed.updated):
            continue
        with st.expander(say("import_undo", file=escape_markdown(file.intake.file))):
            st.caption(say("import_undo_lead"))
            undo_box(f"import-undo-{number}", file.committed.changeset)


def _tier_changes(outcome: ImportOutcome) -> None:
    first = Counter(c.after for c in outcome.changes if c.before is None)
    if first:
        order = (*TIERS, "unrated", *GRADES.values())
        words = [f"{TIER_TITLES[tier].text(lang())} {first[tier]:,}" for tier in order if first[tier]]
        st.text(say("import_first_assessed", n=f"{sum(first.values()):,}", tiers=say("comma").join(words)))
    moved = [c for c in outcome.changes if c.before is not None]
    if not moved:
        if not first:
            st.text(say("import_no_tier_change"))
        return
    section(say("import_tier_changes", n=len(moved)))
    moved.sort(key=lambda c: (-(STANDINGS.index(c.after) % len(RANKS)), c.code))
    pager = pager_of("import-tiers", len(moved), _CHANGES)
    columns = [
        TableColumn("code", say("list_code"), "code"),
        TableColumn("before", say("changes_before"), "tier-cell"),
        TableColumn("after", say("changes_after"), "tier-cell"),
        TableColumn("cause", say("changes_cause"), "short"),
    ]
    rows = [
        Row(
            [
                Cell(c.code, href=point_address(c.layer, c.code)),
                tier_cell(str(c.before)),
                tier_cell(c.after),
                Cell(word("cause", c.cause)),
            ]
        )
        for c in moved[pager.start : pager.stop]
    ]
    show_table("import-tiers", columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


if __name__ == "__main__":
    render()
