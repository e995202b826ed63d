"""Saving a scoring model from the app: a new version of its file, with who and why, and nothing lost.

The order is: scores, then the ledger, then the file. The version and the tiers that it makes land in the ledger
together, or neither does. A version that is recorded keeps its text, its author and the text that it replaces; a
machine that stops before the file is replaced leaves the old file, whole, and a version that can be put in place
again. The other way round, a model could score points without anybody having signed for it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from riskmap.actions.models import draft_model, layers_using, under_draft
from riskmap.actions.records.scoring import Scores, load_artefacts, save_scores, score_layers
from riskmap.actions.workspace import Workspace
from riskmap.catalog import ScoringModel, load_catalog
from riskmap.catalog.model_sources import signed_text
from riskmap.catalog.model_text import stated_version, with_version
from riskmap.catalog.problems import read_text
from riskmap.errors import CatalogError, RiskmapError, StaleModelError, Text, UnknownNameError
from riskmap.io.files.atomic import refusals, sync_folder
from riskmap.io.files.leftovers import mark, sweep
from riskmap.ledger import model_digest
from riskmap.moments import local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.permissions import Actor, may

_ID: Final = re.compile(r"""^id\s*=\s*["']([^"']+)["']""", re.MULTILINE)


_LAST_NUMBER: Final = re.compile(r"(\d+)(\D*)$")


_CHECKING: Final = Text("检查模型", "checking the model")


_RECORDING: Final = Text("登记模型版本", "recording the version")


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model as its file holds it now: text with Unix line ends, its digest and version."""

    file: Path
    text: str

    @property
    def digest(self) -> str:
        """What this very text is known by."""
        return model_digest(self.text)

    @property
    def version(self) -> str:
        """The version that the text states."""
        return stated_version(self.text)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model. `current`: it is what the file holds. `saved`: in the app, by `who`,
    `why`; otherwise these are of its first assessment, or None. `pending`: recorded last, but the
    file holds another text.
    """

    version: str
    digest: str
    text: str
    current: bool
    saved: bool
    pending: bool = False
    at: str | None = None
    who: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What saving did: the workspace with the new model, the changeset, and the assessment after it
    (`riskmap assess --json`), None where none was asked for or `refused` says why there is none.
    """

    workspace: Workspace
    model: ScoringModel
    changeset: int
    assessed: dict[str, Any] | None = None
    refused: RiskmapError | None = None


def open_model(ws: Workspace, layer: str) -> OpenModel:
    """Return the model of a layer as its file holds it at this moment, whatever was read before.

    UnknownNameError where no file of models/ has its id any more.
    """
    model_id = ws.catalog.model_id(layer)
    folder = ws.root / "models"
    for path in (folder / f"{model_id}.toml", *sorted(folder.glob("*.toml"))):
        if path.is_file():
            text = read_text(path, f"models/{path.name}").replace("\r\n", "\n")
            found = _ID.search(text)
            if found and found[1] == model_id:
                return OpenModel(path.resolve(), text)
    raise UnknownNameError(
        f"{folder}：没有标识为 {model_id} 的模型文件；请从备份或“版本”中恢复",
        f"{folder}: no model file has the id {model_id}; bring it back from a backup",
    )


def reopened(ws: Workspace) -> Workspace:
    """Return the workspace with its layer and model files read anew. CatalogError where no layer is left."""
    return ws.with_catalog(load_catalog(ws.root))


def next_version(version: str, used: Collection[str]) -> str:
    """Return the next version that nobody has used: 1.0 → 1.1, 1.9 → 1.10, 2 → 3, draft → draft.1."""
    if not _LAST_NUMBER.search(version):
        version = f"{version}.0" if version else "0"
    while True:
        version = _LAST_NUMBER.sub(lambda m: f"{int(m[1]) + 1}{m[2]}", version)
        if version not in used:
            return version


def raised_text(ws: Workspace, layer: str, text: str) -> str:
    """Return a model's text with its version raised to the next one that nobody has used."""
    used = {one.version for one in model_versions(ws, layer)}
    highest = open_model(ws, layer).version or stated_version(text)
    return with_version(text, next_version(highest, used))


def model_versions(ws: Workspace, layer: str) -> list[ModelVersion]:
    """Return every version of a layer's model that is known, the latest first.

    They were saved in the app, have assessed a layer, or stand in the file now.
    """
    here = open_model(ws, layer)
    kept = ws.ledger.kept_models(ws.catalog.model_id(layer))
    last = next((one for one in kept if one.saved), None)
    pending = last.changeset if last is not None and last.digest != here.digest else None
    current = next((i for i, one in enumerate(kept) if one.digest == here.digest), None)
    versions = [
        ModelVersion(
            stated_version(one.text),
            one.digest,
            one.text,
            i == current,
            one.saved,
            one.changeset is not None and one.changeset == pending,
            one.at,
            one.who,
            one.why,
        )
        for i, one in enumerate(kept)
    ]
    if current is None:
        versions.insert(0, ModelVersion(here.version, here.digest, here.text, current=True, saved=False))
    return versions


def save_model(
    ws: Workspace,
    layer: str,
    text: str,
    *,
    base_digest: str,
    by: Actor,
    why: str,
    adopt: bool = False,
    assess: bool = True,
    progress: Progress = UNWATCHED,
) -> Saved:
    """Write a new version of a layer's model and, unless told not to, assess the layers that it scores.

    What is written is the text as `by` may sign for it (`signed_text`): numbers that were changed lose their
    source and the model its adoption, unless the text states them anew, or `adopt` says that the
    district has adopted this version, for the reason `why`.

    `base_digest` names the text that the writer had opened. Nothing is written, and the error says
    why, where the file holds another text by now (StaleModelError), the text has mistakes
    (CatalogError), is what the file says already, or keeps a version that was used before. Stopped by its
    `progress`, it raises Cancelled and wrote nothing, neither version nor tiers nor file.
    """
    may(by, "adopt_model", layer)
    checking, scoring, saving = progress.parts(1, 8, 12)
    checking.step(0, 1, _CHECKING)
    here, text = open_model(ws, layer), text.replace("\r\n", "\n")
    if here.digest != base_digest:
        raise _stale(ws, layer, text, here)
    draft_model(ws, layer, text)
    versions = model_versions(ws, layer)
    known = known_texts(here.text, versions)
    text = signed_text(text, known, by=by.name, on=local_now().date(), ground=why, adopt=adopt)
    if text == here.text:
        raise RiskmapError(
            f"评分模型 {here.file.name}：没有改动，未写入",
            f"scoring model {here.file.name}: nothing was changed, nothing was written",
        )
    draft = draft_model(ws, layer, text)
    load_artefacts(here.file.parent, draft)
    _check_version(draft, versions)
    under = under_draft(ws, draft)
    scores = _scored(under, layer, by=by, progress=scoring) if assess else None
    assessed: dict[str, Any] | None = None
    with _written(here.file, text) as part:
        with ws.ledger.writing():
            saving.step(0, 1, _RECORDING)
            changeset = _recorded(ws, layer, draft, here, versions, by=by, why=why)
            if isinstance(scores, Scores):
                assessed = save_scores(under, scores, by=by, why=why, progress=saving)
        if not ws.ledger.put_model_in_place(changeset, lambda: _replace(ws, layer, text, here, part)):
            raise _stale(ws, layer, text, open_model(ws, layer))
    refused = scores if isinstance(scores, RiskmapError) else None
    return Saved(_with_new(ws, draft), draft, changeset, assessed, refused)


def _recorded(
    ws: Workspace,
    layer: str,
    draft: ScoringModel,
    here: OpenModel,
    versions: Sequence[ModelVersion],
    *,
    by: Actor,
    why: str,
) -> int:
    """Write the version into the ledger, unless its file has become another one while it was scored."""
    if (now := open_model(ws, layer)).digest != here.digest:
        raise _stale(ws, layer, draft.text, now)
    return ws.ledger.record_model(
        draft.id,
        draft.version,
        text=draft.text,
        base=here.text,
        used=[(one.version, one.digest) for one in versions],
        by=by.name,
        why=why,
    )


def known_texts(base: str, versions: Sequence[ModelVersion]) -> list[str]:
    """Return the text that a draft was made from, then every version that is known."""
    return [base, *(one.text for one in versions)]


def _scored(ws: Workspace, layer: str, *, by: Actor, progress: Progress) -> Scores | RiskmapError:
    """Return the scores of the layers that use a layer's model, or why they cannot be scored."""
    try:
        return score_layers(ws, layers_using(ws, ws.catalog.model_id(layer)), by=by, progress=progress)
    except RiskmapError as problem:
        return problem


def _with_new(ws: Workspace, draft: ScoringModel) -> Workspace:
    try:
        return reopened(ws)
    except CatalogError:  # no layer is left meanwhile: the saved model still counts
        return under_draft(ws, draft)


def _check_version(draft: ScoringModel, versions: list[ModelVersion]) -> None:
    """Refuse a version that another text has, or that this text had before it was replaced.

    A version that was recorded last and never reached the file may be put in place.
    """
    if any(one.pending and one.digest == draft.digest for one in versions):
        return
    used = {one.version for one in versions}
    if draft.version not in used:
        return
    free = next_version(draft.version, used)
    raise RiskmapError(
        f"评分模型 {draft.id}：版本 {draft.version} 已经用过，改动后的内容要有新的版本号，未写入；"
        f"请改为 {free}",
        f"scoring model {draft.id}: version {draft.version} was used before and a changed text needs a new one; "
        f"nothing was written, make it {free}",
    )


def _stale(ws: Workspace, layer: str, text: str, here: OpenModel) -> StaleModelError:
    return StaleModelError(ws.catalog.model_id(layer), mine=text, theirs=here.text, version=here.version)


@contextmanager
def _written(target: Path, text: str) -> Iterator[Path]:
    """Yield a file beside `target` that holds the text on disk; it is gone afterwards.

    The line ends of the target are kept. ExportError where the folder cannot be written.
    """
    sweep([target.parent])
    with refusals(target):
        newline = "\r\n" if b"\r\n" in target.read_bytes() else "\n"
        handle, name = tempfile.mkstemp(prefix=f".{target.name}{mark()}", suffix=".part", dir=target.parent)
    part = Path(name)
    try:
        with refusals(target):
            with os.fdopen(handle, "w", encoding="utf-8", newline=newline) as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            shutil.copymode(target, part)
        yield part
    finally:
        part.unlink(missing_ok=True)


def _replace(ws: Workspace, layer: str, text: str, base: OpenModel, part: Path) -> None:
    """Put the written file in the target's place; runs while nobody else can write."""
    here = open_model(ws, layer)
    if here.digest != base.digest:
        raise _stale(ws, layer, text, here)
    with refusals(base.file):
        part.replace(base.file)
        sync_folder(base.file.parent)
