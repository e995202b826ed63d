"""A scoring model as somebody is about to change it: is it sound, and which points would it move?

Nothing is written here. A draft is judged by the same reader and scored by the same kernel as the
model files of the workspace, over the records as the ledger holds them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute

from riskmap.actions.records.scoring import load_artefacts
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import ScoringModel
from riskmap.catalog.loader import model_for
from riskmap.catalog.problems import TomlFile, shown
from riskmap.errors import CatalogError, CatalogProblem, Lang, Text
from riskmap.io.writers.formats.csv_file import guard
from riskmap.rules.arrays import pc
from riskmap.scoring import assess_table, fit_model
from riskmap.scoring.comparison import ORDER, Comparison, Side, compared
from riskmap.texts import t
from riskmap.values.inventory import DEMO_MARK
from riskmap.vocabulary import RANK_OF, RANKS, TIER_TITLES


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What a draft would do to a layer. `before` and `after`: tier or "unrated" → points, worst first.

    `before` are the tiers that the ledger holds now; `comparison` has the matrix and the points
    that would move.
    """

    layer: str
    model: ScoringModel
    before: Mapping[str, int]
    after: Mapping[str, int]
    comparison: Comparison

    @property
    def gains(self) -> Mapping[str, int]:
        """Points that each tier gains (+) or loses (−)."""
        return {tier: self.after[tier] - self.before[tier] for tier in self.before}


def layers_using(ws: Workspace, model: str) -> tuple[str, ...]:
    """Return the layers that a model scores, in the order of the catalog."""
    return tuple(layer.id for layer in ws.catalog.layers.values() if layer.model == model)


def draft_model(ws: Workspace, layer: str, text: str) -> ScoringModel:
    """Return the model of a draft's text, checked against every layer that uses the layer's model.

    CatalogError with every mistake: of the file, or else of what it asks of the layers.
    """
    model_id = ws.catalog.model_id(layer)
    file = f"models/{model_id}.toml"
    problems: list[CatalogProblem] = []
    draft: ScoringModel | None = None
    for user in (layer, *(one for one in layers_using(ws, model_id) if one != layer)):
        try:
            draft = model_for(ws.catalog.layer(user), text, file)
        except CatalogError as error:
            problems += error.problems
    if draft is not None and draft.id != model_id:
        expected = Text(
            f"{model_id}：图层按这个标识找到模型", f"{model_id}: by this id the layers find their model"
        )
        source = TomlFile.parse(draft.text, file)
        problems.append(source.problem(("id",), expected, found=shown(draft.id)))
    if problems or draft is None:
        raise CatalogError(tuple(dict.fromkeys(problems)))
    return draft


def under_draft(ws: Workspace, draft: ScoringModel) -> Workspace:
    """Return the workspace as it would be with a draft in the place of its model; nothing is written."""
    return ws.with_catalog(ws.catalog.with_model(draft))


def preview_model(ws: Workspace, layer: str, text: str) -> Preview:
    """Score the layer's records of now with a draft and compare with the tiers that the ledger holds.

    A model that compares with the whole layer is fitted to them, as `assess_layers` would.
    CatalogError with every mistake of the draft; ArtefactError where a trained file does not fit it.
    """
    draft = draft_model(ws, layer, text)
    definition = ws.catalog.layer(layer)
    table = current_snapshot(ws).table(layer)
    learned = load_artefacts(ws.root / "models", draft)
    fit = fit_model(draft, definition, table, learned=learned)
    rank = assess_table(draft, definition, table, fit=fit, learned=learned).rank
    held = table["rank"].to_numpy() % len(RANKS)  # a grade stands for the tier that the model gives
    codes, version = table["code"].to_pylist(), table["version"].to_numpy()
    comparison = compared(
        Side(codes, held, version, ws.ledger.assessed_digest(layer), ws.ledger.assessed_fit(layer)),
        Side(codes, rank, version, draft.digest, None if fit is None else fit.digest),
    )
    before, after = (np.bincount(ranks, minlength=len(RANKS)) for ranks in (held, rank))
    return Preview(
        layer,
        draft,
        {tier: int(before[RANK_OF[tier]]) for tier in ORDER},
        {tier: int(after[RANK_OF[tier]]) for tier in ORDER},
        comparison,
    )


def moved_csv(ws: Workspace, preview: Preview, lang: Lang) -> bytes:
    """Return every point that would move as CSV for Excel and WPS: code, name, sub-district, both tiers.

    UTF-8 with BOM; no cell that a spreadsheet would calculate; marked where the data are made up.
    """
    points = preview.comparison.points
    standing = ws.catalog.layer(preview.layer).standing
    table = current_snapshot(ws).table(preview.layer).select(["code", "name", "subdistrict"])
    codes = pa.array([point.code for point in points], pa.string())
    rows = table.take(pc.index_in(codes, value_set=table["code"].combine_chunks()))
    columns = {
        t("list_code", lang): guard(codes),
        t("list_name", lang): guard(rows["name"].combine_chunks().cast(pa.string())),
        t("list_subdistrict", lang): guard(rows["subdistrict"].combine_chunks().cast(pa.string())),
        t("model_now", lang): pa.array(
            [TIER_TITLES[standing(p.before)].text(lang) for p in points], pa.string()
        ),
        t("model_then", lang): pa.array(
            [TIER_TITLES[standing(p.after)].text(lang) for p in points], pa.string()
        ),
    }
    if ws.demo:
        columns[t("export_column_nature", lang)] = pa.array([DEMO_MARK] * len(points), pa.string())
    out = io.BytesIO()
    frame = pl.DataFrame(pl.from_arrow(pa.table(columns)))
    frame.write_csv(out, include_bom=True, line_terminator="\r\n", quote_style="necessary")
    return out.getvalue()
