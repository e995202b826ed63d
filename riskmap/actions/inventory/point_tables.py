"""Scores in bulk: point tables that are too large for one ledger (Parquet in, Parquet out), layers on a cluster.

Score a point table of any size with a layer's model, places joined on the way.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from riskmap.actions.inventory.point_joins import Join, Nearest, PieceRecipe, Raster, Within, score_alone
from riskmap.actions.inventory.point_tasks import (
    Engine,
    check_engine,
    opened,
    position_of,
    run_here,
    run_on_dask,
    source_files,
    tasks_of,
)
from riskmap.actions.records.scoring import load_artefacts, scoring_basis
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer, defaults_dir
from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.loader import model_for
from riskmap.catalog.model import CHECKLIST_PREFIX, ScoringModel
from riskmap.catalog.model_file import read_model
from riskmap.catalog.problems import read_text
from riskmap.coordinates import parse_datum
from riskmap.errors import (
    CatalogError,
    ExportError,
    RiskmapError,
    Text,
    UnknownNameError,
    UnreadableFileError,
)
from riskmap.interface import option
from riskmap.io.files.atomic import replacing
from riskmap.io.files.text_files import file_digest
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.progress import UNWATCHED, Cancelled, Progress
from riskmap.scoring import Predictor
from riskmap.scoring.fit import needed_fit
from riskmap.vocabulary import RANKS, TIERS, UNRATED

SUMMARY = "_summary.json"


def score_points(
    ws: Workspace,
    layer: str,
    *,
    points: Path,
    to: Path,
    crs: str | None = None,
    nearest: Mapping[str, str] | None = None,
    within: Mapping[str, Path] | None = None,
    raster: Mapping[str, Path] | None = None,
    engine: Engine = "numpy",
    scheduler: str | None = None,
    progress: Progress = UNWATCHED,
) -> dict[str, Any]:
    """Score `points` (a Parquet file or a folder of them) and write a folder of Parquet files; return what came out.

    Columns are read by field id, in the field's unit. `nearest`: column → layer of the ledger whose
    points are the targets (metres); `within`: column → GeoJSON of named polygons; `raster`: column →
    file. A joined column whose name is a field takes that field's place. The ledger is not changed.
    A model that compares with the whole layer compares with the ledger's, as of its last whole run;
    NotFittedError before that, ArtefactError where a learned node's file cannot be used. RiskmapError
    and its kinds name the file, the find and the remedy.
    """
    check_engine(engine, scheduler)
    definition, model = ws.catalog.layer(layer), ws.catalog.model_of(layer)
    kept, learned = scoring_basis(ws, layer)
    fit = needed_fit(model, kept)
    files = source_files(points)
    joins = _joins(ws, nearest or {}, within or {}, raster or {})
    declared = parse_datum(crs) if crs else None
    geometry, datum = position_of(files[0], declared) if joins else (None, None)
    columns = _columns(files, joins, geometry, (*model.fields, *model.rule_fields))
    plan = PieceRecipe(definition, model, joins, geometry, datum, columns, fit, learned)
    _empty_folder(to)
    tasks = tasks_of(files, to)
    try:
        total = (
            run_here(plan, tasks, progress)
            if scheduler is None
            else run_on_dask(plan, tasks, progress, scheduler=scheduler)
        )
    except Cancelled:
        for task in tasks:
            Path(task.target).unlink(missing_ok=True)
        raise
    document = {
        "layer": layer,
        "model": model.id,
        "digest": model.digest,
        "engine": engine,
        "points": total.rows,
        "tiers": {tier: int(total.ranks[RANKS.index(tier)]) for tier in TIERS},
        "unrated": int(total.ranks[UNRATED]),
        "missing": dict(sorted(total.lacking.items())),
        "unlocated": total.unlocated,
        "out_of_limits": total.out_of_limits,
        "to": str(to),
        "parts": len(tasks),
    }
    # Written last: a folder without it was not finished.
    with replacing(to / SUMMARY) as (room,):
        room.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return document


@dataclass(frozen=True, slots=True)
class ModelAlone:
    """A model file with the layer that it reads and its trained files; no workspace, no ledger."""

    layer: Layer
    model: ScoringModel
    learned: Mapping[str, Predictor]

    @classmethod
    def read(cls, path: Path, *, layer: Path | None = None) -> ModelAlone:
        """Read a model file and its layer file: the one given, else the one that names this model.

        That one is looked for in `layers/` beside the model's folder, then among the layers that come
        with the program. UnknownNameError where none or several name it, CatalogError with every mistake.
        """
        if not path.is_file():
            raise UnreadableFileError(
                f"{path}：没有这个文件；请核对路径", f"{path}: there is no such file; check the path"
            )
        text = read_text(path, path.name)
        model = read_model(text, path.name)
        of = read_layer(read_text(layer, layer.name), layer.name) if layer else _layer_naming(model.id, path)
        return cls(of, model_for(of, text, path.name), load_artefacts(path.parent, model))

    def score(self, table: pa.Table) -> pa.Table:
        """Return score, tier, missing and rules of every row of judged columns, by field id."""
        return score_alone(self.layer, self.model, table, learned=self.learned)[0]


def _layer_naming(model: str, path: Path) -> Layer:
    """Return the layer whose file names a model; other files' mistakes are none of this model's."""
    for folder in (path.resolve().parent.parent / "layers", defaults_dir() / "layers"):
        found: list[Layer] = []
        for file in sorted(folder.glob("*.toml")):
            with contextlib.suppress(CatalogError):
                found.append(read_layer(read_text(file, file.name), file.name))
        named = [one for one in found if one.model == model]
        if len(named) == 1:
            return named[0]
        if named:
            ids = ", ".join(one.id for one in named)
            raise UnknownNameError(
                f"{path}：几个图层（{ids}）都用评分模型 {model}；请用 layer= 指明图层文件",
                f"{path}: several layers ({ids}) use the model {model}; name the layer file with layer=",
            )
    raise UnknownNameError(
        f"{path}：没有图层文件写着 model = {model!r}；请用 layer= 指明图层文件",
        f"{path}: no layer file says model = {model!r}; name the layer file with layer=",
    )


def _joins(
    ws: Workspace, nearest: Mapping[str, str], within: Mapping[str, Path], raster: Mapping[str, Path]
) -> tuple[Join, ...]:
    joins: list[Join] = []
    for column, target in nearest.items():
        table = current_snapshot(ws).table(ws.catalog.layer(target).id)
        places = np.column_stack([table[n].to_numpy(zero_copy_only=False) for n in ("lon", "lat")])
        places = np.ascontiguousarray(places[np.isfinite(places).all(axis=1)])
        if not len(places):
            raise RiskmapError(
                f"{option('nearest')} {column}={target}：该图层没有带坐标的记录；请先导入",
                f"{option('nearest', 'en')} {column}={target}: the layer has no located record; import some first",
            )
        joins.append(Nearest(column, places.tobytes()))
    for column, path in within.items():
        named = read_boundaries(
            path, named=Text(f"{option('within', 'en')} ", f"given with {option('within', 'en')}")
        )
        joins.append(Within(column, tuple((name, shapely.to_wkb(shape)) for name, shape in named.items())))
    for column, path in raster.items():
        if not path.is_file():
            raise RiskmapError(
                f"{option('raster')} {column}={path}：没有这个文件",
                f"{option('raster', 'en')} {column}={path}: there is no such file",
            )
        joins.append(Raster(column, str(path.resolve()), file_digest(path)))
    return tuple(joins)


def _columns(
    files: list[Path], joins: tuple[Join, ...], geometry: str | None, fields: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the input columns to read; RiskmapError where files differ or no field of the model is there."""
    with opened(files[0]) as table:
        schema = table.schema_arrow
    for file in files[1:]:
        with opened(file) as table:
            if table.schema_arrow.names != schema.names:
                raise RiskmapError(
                    f"{file}：列与 {files[0].name} 不同；请把列相同的文件放在一个文件夹里",
                    f"{file}: other columns than {files[0].name}; keep files of the same columns in one folder",
                )
    joined = {join.column for join in joins}
    wanted = {"code", "name", "subdistrict", *(f for f in fields if not f.startswith(CHECKLIST_PREFIX))}
    if any(f.startswith(CHECKLIST_PREFIX) for f in fields):
        wanted.add("checklist")
    if joins:
        wanted |= {geometry} if geometry else {"lon", "lat"}
    if not joined.intersection(fields) and not wanted.intersection(fields).intersection(schema.names):
        raise RiskmapError(
            f"{files[0]}：没有模型用到的列；需要其中一些：{'、'.join(fields)}",
            f"{files[0]}: none of the columns that the model reads; some of these are needed: {', '.join(fields)}",
        )
    return tuple(name for name in schema.names if name in wanted and name not in joined)


def _empty_folder(to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
        held = any(to.iterdir())
    except OSError as problem:
        raise ExportError(
            f"{to}：无法建立文件夹（{problem.strerror}）；请换一个位置",
            f"{to}: the folder cannot be made ({problem.strerror}); choose another place",
        ) from problem
    if held:
        raise ExportError(
            f"{to}：文件夹里已有文件，未写入；请换一个空文件夹",
            f"{to}: the folder is not empty, nothing was written; choose an empty one",
        )
