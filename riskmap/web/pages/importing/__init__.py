"""导入: files of a sub-district, looked at first, then written; below, what earlier imports left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import streamlit as st

from riskmap.actions.importing import (
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
from riskmap.actions.workspace import Workspace
from riskmap.errors import DatumError, Lang, RiskmapError, StaleRevisionError
from riskmap.io.tables.row_codes import RowCodes
from riskmap.io.tables.row_keys import RowKeys
from riskmap.progress import Progress
from riskmap.rules.permissions import Actor
from riskmap.texts import t
from riskmap.vocabulary import GRADES, RANKS, STANDINGS, TIER_TITLES, TIERS
from riskmap.web.frame import downloads
from riskmap.web.frame.running import Outcome
from riskmap.web.frame.shell import page_look, page_title, section
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages import Page
from riskmap.web.pages.importing.backlog import backlog, rejected_download
from riskmap.web.pages.importing.outlook import no_outlooks
from riskmap.web.pages.importing.review import datum_title, files_table, review
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    Row,
    TableColumn,
    field_box,
    pager_of,
    point_address,
    show_offer,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import ask_signature, carried_out, notice, show_kept_notice, undo_box
from riskmap.web.widgets.uploads import Upload, Uploaded, keep_uploads, private_folder, shown_name
from riskmap.web.widgets.wording import word

PAGE: Final = Page(id="import", zh="导入", en="Import", order=30)


_RUN: Final = "import-run"


_OUTCOME: Final = "import-outcome"


_REFUSED: Final = "import-refused"  # why the files that were checked last cannot be read


_ROUND: Final = "import-round"  # a new number empties the upload box


_DATUMS: Final = ("", "cgcs2000", "wgs84", "gcj02", "bd09", "EPSG:4547", "other")


_CHANGES: Final = 20


@dataclass(frozen=True, slots=True)
class _Asked:
    """Files to be checked, and how they are to be read. `codes`: the words of `row_codes`."""

    layer: str
    files: tuple[Uploaded, ...]
    datum: str
    codes: Mapping[str, str]
    full_list: bool
    hidden: bool


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
            key=f"import-files-{_round()}",
        )
        st.caption(say("import_files_help"))
        checked = st.button(say("import_check"), key="import-check", type="primary", disabled=not files)
        _template(layer)
        if checked:
            _check(_Asked(layer, tuple(files), datum, codes, full_list, hidden))
        for text in st.session_state.pop(_REFUSED, ()):
            notice("error", text)


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


def _check(asked: _Asked) -> None:
    act = partial(_checked, workspace(), asked, lang())
    if carried_out("check", act) is not None:
        st.rerun()


def _checked(ws: Workspace, asked: _Asked, words: Lang, progress: Progress) -> Outcome:
    """Read and compare every file; those that cannot be read are told, the others go on."""
    planned: list[FileImport] = []
    refused: list[tuple[str, str]] = []
    with private_folder() as folder:
        given = row_codes(ws, asked.layer, **asked.codes)
        uploads = keep_uploads(asked.files, folder)
        for upload, part in zip(uploads, progress.parts(*(1 for _ in uploads)), strict=True):
            try:
                planned.append(_planned(ws, asked, upload, given, part))
            except RiskmapError as problem:
                refused.append((upload.name, _why(problem, asked, upload, words)))
    if not planned:
        texts = tuple(text for _, text in refused)
        return Outcome("running_refused", {"why": "\n".join(texts)}, "warning", state={_REFUSED: texts})
    run = Run(asked.layer, tuple(planned), tuple(refused), asked.full_list)
    return _looked_at(run) if not refused else replace(_looked_at(run), tone="warning")


def _looked_at(run: Run) -> Outcome:
    return Outcome("running_check_done", {"n": len(run.files)}, state={_RUN: run, _OUTCOME: None})


def _planned(
    ws: Workspace, asked: _Asked, upload: Upload, codes: RowCodes | RowKeys | None, progress: Progress
) -> FileImport:
    reading, comparing = progress.parts(2, 1)
    intake = read_for_import(
        ws,
        asked.layer,
        upload.path,
        datum=asked.datum or None,
        name=upload.name,
        codes=codes,
        hidden=asked.hidden,
        progress=reading,
    )
    return plan_file(ws, intake, full_list=asked.full_list, outlook=True, progress=comparing)


def _why(problem: RiskmapError, asked: _Asked, upload: Upload, words: Lang) -> str:
    text = problem.text(words)
    if isinstance(problem, DatumError) and not asked.datum:
        text = f"{text}\n{t('import_declare', words)}"
    return text.replace(upload.path.name, shown_name(upload.name))


# 2 Look
def _look(run: Run) -> None:
    layer = workspace().catalog.layer(run.layer)
    section(say("import_look", layer=layer.title.text(lang())))
    with field_box("file", "refused"):
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
    with field_box("file", "offers"):
        _offers(run, chosen)
    review(layer, run.files[chosen], f"import-review-{chosen}")
    rejects = [(f.intake.file, None, f.intake.rejected) for f in run.files if f.intake.rejected]
    if rejects:
        with field_box("file", "rejects"):
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
                act = partial(_filled, workspace(), run, chosen, field)
                if carried_out("check", act) is not None:
                    st.rerun()


def _filled(ws: Workspace, run: Run, chosen: int, field: str, progress: Progress) -> Outcome:
    """Take what is offered for one field of a file, and compare it anew."""
    before, file, after = run.files[:chosen], run.files[chosen], run.files[chosen + 1 :]
    filled = fill_file(ws, file, [field], full_list=run.full_list, outlook=True, progress=progress)
    return _looked_at(replace(run, files=(*before, filled, *after)))


def _full_list(run: Run) -> None:
    if run.full_list and len(run.files) > 1:
        together = set.intersection(*(set(f.plan.absent) for f in run.files))
        with field_box("file", "absent"):
            notice("info", say("import_absent_together", n=len(together)))


def _commit(run: Run) -> None:
    changes = sum(f.plan.count("insert") + f.plan.count("update") for f in run.files)
    waiting = sum(f.plan.count("held") for f in run.files)
    rejected = sum(len(f.intake.rejected) for f in run.files)
    with st.container(border=True, key="import-commit-box"):
        with field_box("file", "commit"):
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
        act = partial(_written, workspace(), run, _round(), lang(), by=signature.by, why=signature.why)
        done = carried_out("import", act)
    if done is not None:
        st.rerun()


def _written(
    ws: Workspace, run: Run, number: int, words: Lang, progress: Progress, *, by: Actor, why: str
) -> Outcome:
    """Write the files of a run; where one is refused, it and those after it are looked at anew."""
    outcome = commit_files(
        ws, run.layer, run.files, by=by, why=why, full_list=run.full_list, progress=progress
    )
    left = Run(run.layer, outcome.left, (), run.full_list)
    state = {_OUTCOME: outcome} | ({_RUN: left} if outcome.left else _emptied(number))
    if outcome.refused is not None:
        return Outcome("running_refused", {"why": outcome.refused.text(words)}, "warning", state=state)
    return Outcome("import_done", _totals(outcome), state=state)


def _drop() -> None:
    st.session_state.update(_emptied(_round()))


def _emptied(number: int) -> dict[str, Any]:
    """Return what a session holds where no file is looked at; `number` is that of its upload box."""
    return {_RUN: None, _ROUND: number + 1, **no_outlooks()}


def _round() -> int:
    return int(st.session_state.get(_ROUND, 0))


# 3 Done
def _result(outcome: ImportOutcome) -> None:
    if outcome.refused is not None:
        stale, text = isinstance(outcome.refused, StaleRevisionError), outcome.refused.text(lang())
        notice("warning", say("import_stale", text=text) if stale else text)
    if not outcome.committed:
        return
    with field_box("changeset", "import"):
        notice("success", say("import_done", **_totals(outcome)))
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


def _totals(outcome: ImportOutcome) -> dict[str, str]:
    """Return the rows that were written, by their fate, as they are told."""
    files = [f.committed for f in outcome.committed if f.committed is not None]
    names = ("inserted", "updated", "unchanged", "held", "rejected")
    return {name: f"{sum(getattr(one, name) for one in files):,}" for name in names}


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
