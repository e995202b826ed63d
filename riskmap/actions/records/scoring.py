"""Loading what scoring models have learned: the trained files that lie beside them in models/.

Score layers, explain points, list tier changes.

Layers of the ledger scored on a Dask cluster: the same kernel, the same numbers, saved as always.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import pyarrow as pa

from riskmap.actions.inventory.point_tasks import Engine, check_engine, cluster, results
from riskmap.actions.tier_models import adopted_stamp, kept_model, tier_stamp
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.model import Prediction, ScoringModel
from riskmap.errors import (
    ArtefactError,
    Lang,
    NotFittedError,
    NotScoredError,
    RiskmapError,
    UnknownNameError,
)
from riskmap.ledger import LayerColumns, RunResult, Scored, TierChange, Write
from riskmap.moments import as_of_text, last_moment
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.arrays import numbers_of, part_column
from riskmap.rules.permissions import Actor, may
from riskmap.scoring import Fit, Predictor, assess_table, explain, fit_model, joined, part_values
from riskmap.scoring.fit import needed_fit
from riskmap.scoring.kernel import scoring_of
from riskmap.scoring.nearest import touched
from riskmap.values.assessment import Assessment, Explanation, ModelStamp
from riskmap.values.records import Cell, Change, Clear, Contact, Features, Value
from riskmap.vocabulary import RANKS, TIERS, UNRATED


class _Loader(Protocol):
    """`riskmap.scoring.learned.load_learned`: refuses a file whose SHA-256 is not `digest`."""

    def __call__(self, path: Path, *, digest: str) -> Predictor: ...


def load_artefacts(folder: Path, model: ScoringModel) -> Mapping[str, Predictor]:
    """Return node id → artefact for the learned nodes of a model, from `folder`; {} without any.

    ArtefactError where a file is not there, is not the one that the model names, predicts from
    something else than the model's inputs, or knows nothing of the model's reference.
    """
    return {node.id: _load(folder, model, node) for node in model.learned}


def _load(folder: Path, model: ScoringModel, node: Prediction) -> Predictor:
    path = folder / node.learned.artefact
    if not path.is_file():
        raise ArtefactError(
            f"评分模型 {model.id} › {node.id}：没有文件 {path}；"
            "请把训练所得的文件放到模型文件旁边，或用 riskmap train 重新训练",
            f"scoring model {model.id} › {node.id}: no file {path}; "
            "put the trained file beside the model file, or train it again with riskmap train",
        )
    loaded = _loader()(path, digest=node.learned.digest)
    stated, known = set(node.learned.inputs), set(loaded.predictors)
    if stated != known:
        raise ArtefactError(
            f"评分模型 {model.id} › {node.id}：inputs 为 {'、'.join(sorted(stated))}，"
            f"训练文件用的是 {'、'.join(sorted(known))}；请把 inputs 改为一致",
            f"scoring model {model.id} › {node.id}: inputs name {', '.join(sorted(stated))}, the artefact predicts "
            f"from {', '.join(sorted(known))}; make the inputs the same",
        )
    _check_reference(model, node, loaded)
    return loaded


def _check_reference(model: ScoringModel, node: Prediction, loaded: Predictor) -> None:
    """Refuse a reference of which the artefact knows nothing: no explanation could start from it."""
    leaves = {leaf.id: leaf.reference for leaf in model.indicators}
    at = {
        name: np.array([float(cast("float", leaves[key]))])
        for name, key in zip(node.learned.inputs, node.of, strict=True)
    }
    if np.isnan(loaded.predict(at)).any():
        raise ArtefactError(
            f"评分模型 {model.id} › {node.id}：reference 超出训练范围，说明无从比起；请改为训练数据中出现过的值",
            f"scoring model {model.id} › {node.id}: the reference lies outside what was trained, nothing can be "
            "explained against it; state values that the training data had",
        )


def _loader() -> _Loader:
    try:
        module = importlib.import_module("riskmap.scoring.learned")
    except ModuleNotFoundError as problem:
        raise ArtefactError(
            "本版程序不能载入训练所得的模型文件；请升级 riskmap",
            "this program cannot load trained files; use a newer riskmap",
        ) from problem
    return cast("_Loader", module.load_learned)


class Scorer(Protocol):
    """What scores a snapshot table, as `riskmap.scoring.assess_table` does."""

    def __call__(
        self,
        model: ScoringModel,
        layer: Layer,
        table: pa.Table,
        *,
        fit: Fit | None = None,
        learned: Mapping[str, Predictor] | None = None,
        progress: Progress = UNWATCHED,
    ) -> Assessment:
        """Return the assessment of every row."""
        ...


Learned = Mapping[str, Predictor]  # node id → what it predicts with


@dataclass(frozen=True, slots=True)
class Scores:
    """What scoring layers found, not written yet: results by layer, and why other layers keep their tiers."""

    scored: tuple[Scored, ...]
    refused: Mapping[str, RiskmapError]


def assess_layers(
    ws: Workspace,
    layers: Sequence[str] = (),
    *,
    by: Actor,
    why: str,
    scorer: Scorer | None = None,
    lang: Lang = "zh",
    spare: bool = False,
    progress: Progress = UNWATCHED,
) -> dict[str, Any]:
    """Score every record of the layers (all that have a model when empty) with their models; store what changed.

    Returns the document of `riskmap assess --json`; its `run` is None where nothing changed, because
    then nothing is written and the ledger stays in its state. Points that lack a required factor
    come out unrated, never low. A model that compares with the whole layer is fitted anew and the
    fit is kept with the run. Of all layers (none named, or `spare`) those that cannot be scored keep their
    tiers and stand under `refused` with the reason; else a layer that was named raises it. `scorer` computes the
    scores, in this process unless one is given. Stopped by its `progress`, it raises Cancelled and wrote nothing.
    """
    scoring, saving = progress.parts(2, 3)
    scores = score_layers(ws, layers, by=by, scorer=scorer, spare=spare, progress=scoring)
    return save_scores(ws, scores, by=by, why=why, lang=lang, progress=saving)


def score_layers(
    ws: Workspace,
    layers: Sequence[str] = (),
    *,
    by: Actor,
    scorer: Scorer | None = None,
    spare: bool = False,
    progress: Progress = UNWATCHED,
) -> Scores:
    """Return what `assess_layers` would store; nothing is written."""
    chosen = layers or ws.catalog.to_score
    for layer in chosen:
        may(by, "assess", layer)
    scored: list[Scored] = []
    refused: dict[str, RiskmapError] = {}
    sizes = ws.ledger.sizes() if progress.watched else {}
    for layer, part in zip(chosen, progress.parts(*(sizes.get(one, 0) for one in chosen)), strict=True):
        try:
            scored.append(
                _scored(
                    ws, layer, None, learned_of(ws, layer), scorer, progress=part, rows=sizes.get(layer, 0)
                )
            )
        except RiskmapError as problem:
            if layers and not spare:
                raise
            refused[layer] = problem
    if refused and not scored:
        raise next(iter(refused.values()))
    return Scores(tuple(scored), refused)


def save_scores(
    ws: Workspace,
    scores: Scores,
    *,
    by: Actor,
    why: str,
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> dict[str, Any]:
    """Store what changed of the scores of layers; return the document of `riskmap assess --json`."""
    saved = ws.ledger.save_assessments(scores.scored, by=by.name, why=why, progress=progress)
    document = {
        "run": saved[0].run if saved else None,
        "layers": [
            _layer_json(ws.catalog.layer(one.assessment.layer), one, result)
            for one, result in zip(scores.scored, saved, strict=True)
        ],
    }
    told = [{"layer": layer, "message": problem.text(lang)} for layer, problem in scores.refused.items()]
    return document | {"refused": told} if told else document


@dataclass(slots=True)
class Action:
    """One action while it is written. Afterwards `tiers` holds the tiers that changed with it."""

    write: Write
    tiers: tuple[TierChange, ...] = ()


@contextlib.contextmanager
def one_commit(
    ws: Workspace,
    layers: Collection[str] = (),
    *,
    by: Actor,
    why: str,
    rated: bool = False,
    progress: Progress = UNWATCHED,
) -> Iterator[Action]:
    """Write to the ledger within it: the change and the tiers that follow land together, or nothing does.

    At the end every active record that was written is scored; with `rated` only those whose layer was
    assessed before, or that have a result of their own. A model that compares with the whole layer
    uses the fit of its last whole run, so that no other record's score moves; where this version of
    the model has none, the whole layer is scored instead. NotScoredError where a model cannot score:
    for the `layers` named, before the transaction begins. `progress` is told of the scoring and of its writing.
    """
    learned = {layer: _ready(ws, layer) for layer in layers if layer in ws.catalog.scored}
    with ws.ledger.writing() as write:
        action = Action(write)
        yield action
        scored = []
        touched_codes = write.touched(rated=rated)
        scoring, saving = progress.parts(2, 3)
        parts = scoring.parts(*map(len, touched_codes.values()))
        for (layer, codes), part in zip(touched_codes.items(), parts, strict=True):
            if layer not in ws.catalog.to_score and all(layer != one.id for one in ws.catalog.faults):
                continue  # it has no model, or its file is gone: nothing says what its tiers would be
            known = learned[layer] if layer in learned else _ready(ws, layer)
            with _or_nothing(ws, layer):
                scored.append(_scored(ws, layer, codes, known, None, progress=part, rows=len(codes)))
        saved = ws.ledger.save_assessments(scored, by=by.name, why=why, progress=saving)
        if saved and saved[0].run is not None:
            action.tiers = tuple(ws.ledger.tier_changes(since=(saved[0].changeset or 0) - 1))


@contextlib.contextmanager
def _or_nothing(ws: Workspace, layer: str) -> Iterator[None]:
    """Say that nothing was written where a record cannot be scored, and why."""
    try:
        yield
    except RiskmapError as problem:
        title, why = ws.catalog.title(layer), problem.say
        raise NotScoredError(
            f"{title.zh}：不能评估，改动和等级都未写入：{why.zh}",
            f"{title.en}: cannot be scored, neither the change nor a tier was written: {why.en}",
        ) from problem


def _ready(ws: Workspace, layer: str) -> Learned:
    with _or_nothing(ws, layer):
        return learned_of(ws, layer)


def learned_of(ws: Workspace, layer: str) -> Learned:
    """Return the trained files of a layer's model. ArtefactError where one cannot be used."""
    return load_artefacts(ws.root / "models", ws.catalog.model_of(layer))


def basis_of_some(ws: Workspace, layer_id: str) -> tuple[Fit | None, bool]:
    """Return the fit that some records of a layer are scored with, and whether that needs no others beside them."""
    fit = kept_fit(ws, layer_id)
    return fit, fit is not None or not ws.catalog.model_of(layer_id).fitted


def would_score(
    ws: Workspace, layer: str, codes: Sequence[str], held: Callable[[LayerColumns], pa.Table]
) -> Scored:
    """Return what scoring records of a layer would save if they held what `held` makes of what they hold.

    As `one_commit` scores records that were written: alone, or with the whole layer where its model
    compares with that and has no fit yet. Nothing is written.
    """
    return _scored(ws, layer, codes, learned_of(ws, layer), None, held=held)


def _scored(
    ws: Workspace,
    layer_id: str,
    codes: Sequence[str] | None,
    learned: Learned,
    scorer: Scorer | None,
    *,
    held: Callable[[LayerColumns], pa.Table] = LayerColumns.whole,
    progress: Progress = UNWATCHED,
    rows: int = 0,
) -> Scored:
    layer, model = ws.catalog.layer(layer_id), ws.catalog.model_of(layer_id)
    fit, alone = (None, False) if codes is None else basis_of_some(ws, layer_id)
    reading, scoring = progress.parts(4, 1)
    stored = ws.ledger.scoring_columns(
        layer, touched(model), codes=codes if alone else None, progress=reading, expected=rows
    )
    table = held(stored)
    fit = fit or fit_model(model, layer, table, learned=learned)
    assessment = (scorer or assess_table)(model, layer, table, fit=fit, learned=learned, progress=scoring)
    feature_id, version = (numbers_of(table[name]) for name in ("feature_id", "version"))
    return Scored(assessment, feature_id, version, model.text, None if fit is None else fit.text)


def with_parts(ws: Workspace, layer: str, table: pa.Table, *, as_of: datetime | None = None) -> pa.Table:
    """Return a layer table with a column "p:<id>" for each part of the layer's model, null where it is not known.

    By the model in use, and what its last whole run was compared with; of a past moment by the model that had
    assessed the layer by then. A model without parts, one that was never fitted, and one whose trained file cannot
    be used add nothing: a part that cannot be told is not known.
    """
    adopted = ws.catalog.model_of(layer) if layer in ws.catalog.scored else None
    if adopted is None or not adopted.parts:
        return table
    unknown = np.full(table.num_rows, np.nan)
    values = dict.fromkeys((part.id for part in adopted.parts), unknown)
    model = adopted if as_of is None else _model_then(ws, layer, as_of)
    with contextlib.suppress(ArtefactError, NotFittedError):
        if model is not None:
            fit, learned = _fit_of(ws, layer, model, as_of), load_artefacts(ws.root / "models", model)
            found = part_values(model, ws.catalog.layer(layer), table, fit=fit, learned=learned)
            values |= {key: column for key, column in found.items() if key in values}
    for key, column in values.items():
        table = table.append_column(part_column(key), pa.array(column, from_pandas=True))
    return table


def _model_then(ws: Workspace, layer: str, as_of: datetime) -> ScoringModel | None:
    digest = ws.ledger.assessed_digest(layer, as_of=as_of)
    return None if digest is None else kept_model(ws, layer, digest)


def scoring_basis(ws: Workspace, layer: str) -> tuple[Fit | None, Learned]:
    """Return what a layer's current model scores with beside the records: the kept fit and its artefacts.

    ArtefactError where a learned node's file cannot be used.
    """
    return kept_fit(ws, layer), learned_of(ws, layer)


def kept_fit(ws: Workspace, layer: str) -> Fit | None:
    """Return what the last whole run of a layer was compared with by its current model, if anything."""
    return _fit_of(ws, layer, ws.catalog.model_of(layer))


def _fit_of(ws: Workspace, layer: str, model: ScoringModel, as_of: datetime | None = None) -> Fit | None:
    kept = ws.ledger.last_fit(layer, model.digest, as_of=as_of) if model.fitted else None
    return None if kept is None else Fit.of_text(kept.text)


def _layer_json(layer: Layer, scored: Scored, saved: RunResult) -> dict[str, Any]:
    assessment = scored.assessment
    tally = np.bincount(assessment.rank, minlength=len(RANKS))
    document: dict[str, Any] = {
        "layer": assessment.layer,
        "model": assessment.model,
        "digest": assessment.digest,
        "assessed": len(assessment.rank) - int(tally[UNRATED]),
        "unrated": int(tally[UNRATED]),
        # What is no risk has no tier: its grades are in its records.
        "tiers": {tier: int(tally[RANKS.index(tier)]) if layer.counts == "risk" else 0 for tier in TIERS},
        "changed": saved.changed,
    }
    return document if scored.fit is None else document | {"fit": scored.fit_digest}


def one_feature(
    ws: Workspace, layer: str, code: str, *, contacts: bool = False, as_of: date | None = None
) -> Features:
    """Return one record (active or retired), now or as it was on a past day or moment.

    UnknownNameError names a code that does not exist, or did not then.
    """
    title = ws.catalog.layer(layer).title
    moment = None if as_of is None else last_moment(as_of)
    found = ws.ledger.features(layer, codes=[code], include_retired=True, contacts=contacts, as_of=moment)
    if not len(found) and as_of is not None:
        when = as_of_text(as_of)
        raise UnknownNameError(
            f"{title.zh} › {code}：截至 {when} 的台账中没有这个编号；它可能在那之后才录入",
            f"{title.en} › {code}: the ledger of {when} has no such code; it may have been added later",
        )
    if not len(found):
        raise UnknownNameError(
            f"{title.zh} › {code}：台账中没有这个编号；可用 riskmap select {layer} 查看全部编号",
            f"{title.en} › {code}: the ledger has no such code; riskmap select {layer} lists them",
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What the tier of a record is explained with; `made_by` made it, None where nothing has yet."""

    model: ScoringModel
    fit: Fit | None
    fitted_at: str | None
    learned: Learned
    made_by: ModelStamp | None


def tier_basis(ws: Workspace, layer: str, features: Features, *, as_of: date | None = None) -> Basis:
    """Return the model that made the tier of one record, now or then, with its fit and trained files.

    The adopted model where nothing has made it yet, and where the one that did is kept but can no longer score:
    its trained file is gone, or the layer file has changed. ArtefactError for the adopted one, CatalogError
    where its file cannot be used.
    """
    made_by = tier_stamp(ws, layer, int(features.feature_id[0]), as_of=as_of)
    model, learned = _kept(ws, layer, made_by) or (ws.catalog.model_of(layer), learned_of(ws, layer))
    moment = None if as_of is None else last_moment(as_of)
    kept = ws.ledger.last_fit(layer, model.digest, as_of=moment) if model.fitted else None
    fit = None if kept is None else Fit.of_text(kept.text)
    return Basis(model, fit, None if kept is None else kept.at, learned, made_by)


def _kept(ws: Workspace, layer: str, made_by: ModelStamp | None) -> tuple[ScoringModel, Learned] | None:
    """Return the model that made a tier and its trained files, where both are still there."""
    model = None if made_by is None else kept_model(ws, layer, made_by.digest)
    if model is None:
        return None
    with contextlib.suppress(ArtefactError):
        return model, load_artefacts(ws.root / "models", model)
    return None


def explain_point(
    ws: Workspace, layer: str, code: str, *, basis: Basis | None = None, as_of: date | None = None
) -> Explanation:
    """Return why a point has its tier, or had it then, by the model that made it (`tier_basis`, unless given).

    Where the model compares with the whole layer, `reference["fit"]` says with what: `rows`,
    `digest` and `at`, the moment of the run. NotFittedError before the first whole run.
    """
    definition = ws.catalog.layer(layer)
    features = one_feature(ws, layer, code, as_of=as_of)
    row = {field: known(column[0]) for field, column in features.records.values.items()}
    if features.records.checklist is not None and definition.checklist is not None:
        marks = features.records.checklist[0] or ()
        row |= {
            f"checklist.{item.id}": known(mark)
            for item, mark in zip(definition.checklist.items, marks, strict=False)
        }
    basis = basis or tier_basis(ws, layer, features, as_of=as_of)
    told = explain(basis.model, definition, code, row, fit=basis.fit, learned=basis.learned)
    reference = dict(told.reference)
    if basis.fitted_at is not None:
        reference["fit"] = {**reference["fit"], "at": basis.fitted_at}
    adopted = adopted_stamp(ws, layer)
    return replace(told, reference=reference, made_by=basis.made_by, adopted=adopted)


def plain(value: object) -> object:
    """Return a changed value as JSON can hold it: contacts as objects, positions to 7 decimals."""
    if isinstance(value, Contact):
        return {key: part for key, part in asdict(value).items() if part is not None}
    if isinstance(value, tuple | list):
        return [round(v, 7) if isinstance(v, float) else plain(v) for v in cast("Sequence[object]", value)]
    return value


def known(cell: Cell) -> Value:
    """Return what a cell of the ledger holds; an erased one holds nothing."""
    return None if isinstance(cell, Clear) else cell


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """Return the document of `riskmap explain --json`; `grade` stands in it where there is no tier to have."""
    document = asdict(replace(explanation, made_by=None, adopted=None, parts=()))
    if explanation.state is not None:
        del document["grade"]
    stamps = {"made_by": explanation.made_by, "adopted": explanation.adopted}
    return {
        "layer": document.pop("layer"),
        "code": document.pop("code"),
        "score": document.pop("score"),
        "tier": document.pop("tier"),
        "state": document.pop("state"),
        "model": document.pop("model"),
        "digest": document.pop("digest"),
        "reference": document.pop("reference"),
        "contributions": list(document.pop("contributions")),
        "rules": list(document.pop("rules")),
        "gates": list(document.pop("gates")),
        "missing": list(document.pop("missing")),
        "parts": [
            {"id": part.id, "zh": part.title.zh, "en": part.title.en, "value": part.value}
            for part in explanation.parts
        ],
        "nearest": list(document.pop("nearest")),
        **{key: value for key, value in document.items() if key != "parts"},
        **{key: None if stamp is None else stamp.named for key, stamp in stamps.items()},
    }


def point_history(ws: Workspace, layer: str, code: str) -> list[Change]:
    """Return every revision of a record, oldest first. UnknownNameError names a code that does not exist."""
    one_feature(ws, layer, code)
    return ws.ledger.history(layer, code)


def history_json(ws: Workspace, layer: str, code: str) -> dict[str, Any]:
    """Return the document of `riskmap history --json`: every revision, oldest first."""
    return {
        "layer": layer,
        "code": code,
        "revisions": [
            {
                "version": change.version,
                "at": change.at,
                "who": change.who,
                "why": change.why,
                "kind": change.kind,
                "changeset": change.changeset,
                **({"on": change.happened} if change.happened else {}),
                **({"other": {"code": o.code, "part": o.part}} if (o := change.other) else {}),
                "changes": {
                    key: [plain(before), plain(after)] for key, (before, after) in change.changes.items()
                },
            }
            for change in point_history(ws, layer, code)
        ],
    }


SLICE_ROWS: Final = 1 << 16  # scored by one task


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every slice of a layer is scored with; it travels to the workers once."""

    model: ScoringModel
    layer: Layer
    fit: Fit | None
    learned: Mapping[str, Predictor]


def assess_layers_on(
    ws: Workspace,
    layers: Sequence[str] = (),
    *,
    engine: Engine,
    scheduler: str | None,
    by: Actor,
    why: str,
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> dict[str, Any]:
    """Score layers as `assess_layers` does, with `engine` "dask" on the cluster at `scheduler`.

    Fits are made and trained files loaded on this machine; workers need riskmap and neither the
    ledger nor any file. The same document, scores and fits as in this process. RiskmapError where the
    extra is not installed, nobody answers, a worker fails, or a trained model cannot travel;
    nothing is written then.
    """
    check_engine(engine, scheduler)
    if scheduler is None:
        return assess_layers(ws, layers, by=by, why=why, lang=lang, progress=progress)
    with cluster(scheduler) as client:
        return assess_layers(ws, layers, by=by, why=why, scorer=_scorer(client), lang=lang, progress=progress)


def _scorer(client: Any) -> Callable[..., Assessment]:
    def score(
        model: ScoringModel,
        layer: Layer,
        table: pa.Table,
        *,
        fit: Fit | None = None,
        learned: Mapping[str, Predictor] | None = None,
        progress: Progress = UNWATCHED,
    ) -> Assessment:
        shared = _Shared(model, layer, needed_fit(model, fit), learned or {})
        slices = [_packed(part) for part in _slices(model, table)]
        found: dict[int, Assessment] = {}
        for at, assessment in results(client, _score_slice, shared, slices):
            progress.step(len(found), len(slices), scoring_of(layer))
            found[at] = assessment
        return joined([found[at] for at in range(len(slices))])

    return score


def _slices(model: ScoringModel, table: pa.Table) -> list[pa.Table]:
    """Return the columns that the model reads, cut by rows; a table without rows is one slice."""
    wanted = {"feature_id", "checklist", *(f"f:{name}" for name in touched(model))}
    read = table.select([name for name in table.column_names if name in wanted])
    return [read.slice(start, SLICE_ROWS) for start in range(0, max(read.num_rows, 1), SLICE_ROWS)]


def _packed(part: pa.Table) -> bytes:
    # As a stream, which holds the rows of the slice and not the whole columns behind it.
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, part.schema) as out:
        out.write_table(part)
    return sink.getvalue().to_pybytes()


def _score_slice(shared: _Shared, packed: bytes) -> Assessment:
    with pa.ipc.open_stream(packed) as stream:
        table = stream.read_all()
    return assess_table(shared.model, shared.layer, table, fit=shared.fit, learned=shared.learned)
