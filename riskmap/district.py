"""The public face: a district, its layers, plans of imports, scenarios; GeoDataFrames in and out.

Every write takes `by`, who, and `why`, the reason, and is one changeset of the ledger. Nothing
here asks a question of its own: it calls the functions that the command line and the pages call.
Positions are degrees in CGCS2000 (EPSG:4490), moments UTC.
"""

from __future__ import annotations

import datetime as dt
import warnings as python_warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from riskmap import frames
from riskmap.actions.documents import Wanted, write_document
from riskmap.actions.episode.duty import callout_ahead
from riskmap.actions.episode.inputs import Given
from riskmap.actions.episode.preparing import moves_ahead, reached_tiers
from riskmap.actions.episode.scenario import Prepared, each_once, foreseen, keep, prepare
from riskmap.actions.figures import period_of, told_figures
from riskmap.actions.importing import FileImport, commit_file, plan_file, read_for_import, row_codes
from riskmap.actions.inventory.atlas import BAD, Pages, write_atlas
from riskmap.actions.inventory.exporting import export_selection, masked_columns
from riskmap.actions.inventory.forms import fill_form, form_named
from riskmap.actions.inventory.listing import make_selection, summarise
from riskmap.actions.inventory.map_files import Look
from riskmap.actions.inventory.point_tables import ModelAlone
from riskmap.actions.records.editing import edit_points
from riskmap.actions.records.recording import record_one
from riskmap.actions.records.scoring import assess_layers, explain_point, point_history
from riskmap.actions.workspace import Workspace, create_workspace, open_workspace
from riskmap.actions.workspace.check import check as checked
from riskmap.actions.workspace.demo import DEMO_POINTS, create_demo_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer
from riskmap.coordinates import CGCS2000
from riskmap.errors import Lang, RiskmapError, SelectionError, Text
from riskmap.io.files.attachments import read_bounded
from riskmap.json_documents import plain
from riskmap.moments import moment_of, parse_as_of, parse_beijing_moment
from riskmap.reports.figures import FigureValue
from riskmap.rules.arrays import pc
from riskmap.rules.permissions import acting, local_actor
from riskmap.selection import Selection, select
from riskmap.values.assessment import Explanation
from riskmap.values.evacuation import EvacuationPlan
from riskmap.vocabulary import RANKS, TIERS

Words = str | Sequence[str] | None
"""One word, several, or None: everything."""

Day = str | dt.date | None
"""A day as a date or as ISO text, "2026-11-25", or a moment of it, "2026-11-25T14:00" or an aware datetime; None: now."""

PathLike = str | Path


def open(directory: PathLike | None = None, *, store: str | None = None) -> District:  # noqa: A001 - riskmap.open
    """Open the workspace in a directory.

    Parameters
    ----------
    directory
        The workspace; by default `RISKMAP_WORKSPACE`, else the current directory.
    store
        URL or path of the ledger; by default `RISKMAP_STORE`, else what workspace.toml says.

    Returns
    -------
    District

    Raises
    ------
    WorkspaceError
        The directory is no workspace.
    CatalogError
        Layer or model files have mistakes; it names every one of them.

    Examples
    --------
    >>> d = riskmap.open("data/demo")
    >>> d.layers
    ('risk_points', 'slopes', 'underground_spaces', 'waterlogging', 'forest_fire_grids', 'shelters')

    """
    return District(open_workspace(None if directory is None else Path(directory), store))


def create(directory: PathLike, *, name: str = "本区", store: str | None = None) -> District:
    """Make a workspace with the layers and models that come with the program, and an empty ledger.

    Parameters
    ----------
    directory
        Where; it is made if need be. Files of other names in it stay.
    name
        The district's name.
    store
        URL or path of the ledger; by default `data/ledger.sqlite` in the workspace.

    Returns
    -------
    District

    Raises
    ------
    WorkspaceError
        The directory is a workspace already, or cannot be written.

    Examples
    --------
    >>> riskmap.create("north", name="北区").summary().total
    0

    """
    return District(create_workspace(Path(directory), name=name, store=store))


def demo(
    directory: PathLike,
    *,
    points: int = DEMO_POINTS,
    seed: int = 0,
    registers: bool = False,
    by: str | None = None,
    why: str | None = None,
    store: str | None = None,
) -> District:
    """Make a workspace with a made-up district, its terrain and its records; no tier before `assess`.

    Parameters
    ----------
    directory
        Where; it must not be a workspace yet.
    points
        How many risk points; the other layers have their own numbers.
    seed
        Of the random numbers: the same seed makes the same district.
    registers
        Whether it has the registers that are shipped, filled with made-up rows.
    by, why
        Who made it and why; by default the person logged in, and that it is a demo.
    store
        URL or path of the ledger.

    Returns
    -------
    District

    Raises
    ------
    WorkspaceError
        The directory is a workspace already, or cannot be written.

    Examples
    --------
    >>> made = riskmap.demo("small", points=20, seed=3)
    >>> len(made["risk_points"].frame())
    20

    """
    ws = create_demo_workspace(
        Path(directory),
        points=points,
        seed=seed,
        registers=registers,
        by=acting(by),
        why=why,
        store=store,
    )
    return District(ws)


def score(frame: pd.DataFrame, *, model: PathLike, layer: PathLike | None = None) -> pd.DataFrame:
    """Score the rows of a frame with a model file; no workspace and no ledger.

    Cells are judged as those of a file: a refused one counts as missing, because unknown is never safe,
    and a warning names it. A model that compares (percentiles, TOPSIS) compares the rows with one another.

    Parameters
    ----------
    frame
        A column per field, by field id, in the unit of the layer file or with its own ("12米"); checklist
        items as `checklist.ITEM`. NA is missing. A choice may be its id or its title. Other columns are kept.
    model
        A file of `models/`.
    layer
        The layer file; by default the one that names the model, in `layers/` beside the model's
        folder or among those that come with the program.

    Returns
    -------
    DataFrame or GeoDataFrame
        A copy of `frame` with `tier` (ordered categorical), `score` (float64, NaN where unrated),
        `missing` and `rules` (tuples: required fields that the row lacks; ids of rules and gates).

    Raises
    ------
    UnreadableFileError
        There is no such model file.
    CatalogError
        The model file has mistakes, or asks for what the layer does not have.
    RiskmapError
        No column is a field of the layer.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"likelihood": [10, None], "exposure": [10, 6], "consequence": [100, 7]})
    >>> riskmap.score(rows, model="models/risk_points_lec.toml")[["score", "tier", "missing"]]
         score     tier          missing
    0  10000.0    major               ()
    1      NaN  unrated  (likelihood,)

    """
    alone = ModelAlone.read(Path(model), layer=None if layer is None else Path(layer))
    table, said = frames.judged_table(frame, alone.layer)
    if not table.column_names:
        raise RiskmapError(
            f"{model}：表里没有图层 {alone.layer.id} 的字段；需要 {'、'.join(alone.model.fields)}",
            f"{model}: the frame has no field of the layer {alone.layer.id}; {', '.join(alone.model.fields)} are needed",
        )
    found = alone.score(table)
    _warn(said)
    scored = frame.copy()
    ranks = [RANKS.index(tier) for tier in found["tier"].to_pylist()]
    scored["score"] = found["score"].to_numpy()
    scored["tier"] = frames.tiers(ranks)
    for name in ("missing", "rules"):
        scored[name] = frames.objects(tuple(words) for words in found[name].to_pylist())
    return scored


class District:
    """An open workspace: its layers by id, its sums, its scenarios.

    Made by `riskmap.open`, `riskmap.create` and `riskmap.demo`. It sees what others write to the
    ledger meanwhile. `close` gives the ledger back; `with` does so at the end of a block.

    Examples
    --------
    >>> d["slopes"].title
    '边坡'
    >>> d.subdistricts[0] in set(d["slopes"].frame()["subdistrict"])
    True

    """

    def __init__(self, workspace: Workspace) -> None:
        self._ws = workspace

    def __repr__(self) -> str:
        return f"<District {self.name}: {self.root}>"

    @property
    def name(self) -> str:
        """The district's name."""
        return self._ws.config.district

    @property
    def root(self) -> Path:
        """The directory of the workspace."""
        return self._ws.root

    @property
    def made_up(self) -> bool:
        """Whether the records are a demo's: what is made of them must say so."""
        return self._ws.demo

    @property
    def layers(self) -> tuple[str, ...]:
        """Ids of the layers, in the order of lists."""
        return tuple(self._ws.catalog.layers)

    @property
    def subdistricts(self) -> tuple[str, ...]:
        """Names of the sub-districts that the boundaries know."""
        return tuple(self._ws.subdistricts)

    def __getitem__(self, layer: str) -> LayerView:
        """Return a layer by its id. UnknownNameError names the known ones."""
        return LayerView(self._ws, self._ws.catalog.layer(layer))

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def close(self) -> None:
        """Give the ledger back; what is read next opens it again."""
        ledger = vars(self._ws).pop("ledger", None)
        if ledger is not None:
            ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def assess(self, layers: Words = None, *, by: str, why: str) -> pd.DataFrame:
        """Score every record with its layer's model and store what changed.

        Parameters
        ----------
        layers
            Ids; by default all.
        by, why
            Who, and the reason.

        Returns
        -------
        DataFrame
            A row per layer (index): `model`, its `digest` (SHA-256), how many were `assessed` and are
            `unrated` for want of a required field, a column for each tier, and how many `changed`.

        Raises
        ------
        UnknownNameError
            There is no such layer.
        ArtefactError
            A trained file of a model cannot be used; nothing is written.

        Examples
        --------
        >>> run = d.assess(by="王五", why="季度评估")
        >>> bool((run["assessed"] + run["unrated"] == [len(d[layer].frame()) for layer in run.index]).all())
        True

        """
        document = assess_layers(self._ws, _words(layers), by=local_actor(by), why=why)
        rows = [{**row, **row["tiers"]} for row in document["layers"]]
        columns = ["layer", "model", "digest", "assessed", "unrated", *TIERS, "changed"]
        return pd.DataFrame(rows, columns=columns).set_index("layer")

    def summary(self, *, as_of: Day = None, compare: Day = None) -> Summary:
        """Return the counts by layer, tier and sub-district, and whether they add up.

        Parameters
        ----------
        as_of
            A past day, at its end, or a moment.
        compare
            An earlier day; `to_dict()["compared"]` then has its counts and the change since.

        Returns
        -------
        Summary

        Examples
        --------
        >>> total = d.summary()
        >>> total.total == int(total.layers["total"].sum()) == int(total.subdistricts["total"].sum())
        True

        """
        return Summary(summarise(self._ws, as_of=_day(as_of), compare=_day(compare)))

    def figures(
        self, ids: Words = None, *, period: str | None = None, as_of: Day = None
    ) -> dict[str, FigureValue]:
        """Return figures (`reports/figures/*.toml` and those shipped) by id, as `riskmap figures` tells them.

        Parameters
        ----------
        ids
            Ids (`hazards.rate`, also of a group: `points.tier.major`) or names of their files (`hazards`); by
            default every figure whose layers this district has.
        period
            2026, 2026-H1, 2026-Q4, 2026-11, 2026-W48 or 2026-01..2026-06; by default no day is left out.
        as_of
            A past day, at its end, or a moment; `today` in a figure's conditions is that day.

        Returns
        -------
        dict
            id → value: `value` (Decimal, as it is printed; None where nothing can be told), `text`, `unit`, `exact`
            (a fraction), `count` and `missing` records, `groups`, and `query`, the address of its records.

        Raises
        ------
        RiskmapError
            A figure that cannot be told; its message names file and mistake.

        Examples
        --------
        >>> tiers = d.figures("points.tier")["points.tier"]
        >>> sum(group.value for group in tiers.groups) == tiers.value
        True

        """
        asked = period_of(self._ws, period)
        found = told_figures(self._ws, _words(ids), period=asked, as_of=_day(as_of))
        for problem in found.failed.values():
            raise problem
        return {one.id: one for one in found.figures}

    def report(
        self,
        template: str,
        to: PathLike,
        *,
        period: str | None = None,
        as_of: Day = None,
        subdistrict: str = "",
        title: str = "",
        number: str = "",
        unmasked: bool = False,
        by: str | None = None,
        why: str = "",
        lang: Lang = "zh",
    ) -> Path:
        """Write a document from a Word template, as `riskmap report` does: every number a figure in a content control.

        Parameters
        ----------
        template
            Id or title of a template, shipped ("weekly") or of `reports/templates/`.
        to
            The file, .docx or .pdf (PDF/A, laid out as the Word document is).
        period
            2026-W48, 2026-11, 2026-Q4, 2026; by default the one of the template's kind that the day lies in.
        as_of
            A past day, at its end, or a moment.
        subdistrict
            Of a template that is made for one.
        title, number
            Title (by default the template's) and number of the document.
        unmasked, by, why
            Contacts in full; the ledger keeps who asked and why.
        lang
            "zh" or "en".

        Returns
        -------
        Path

        Raises
        ------
        ExportError
            Names, figures or lists that the template asks for and that are not there, all of them; a template that
            reaches into the program; a file that cannot be written.
        UnknownNameError
            There is no such template or sub-district.

        Examples
        --------
        >>> d.report("brief", "brief.docx").name
        'brief.docx'

        """
        wanted = Wanted(
            period=period,
            as_of=_day(as_of),
            subdistrict=subdistrict,
            title=title,
            number=number,
            unmasked=unmasked,
            lang=lang,
        )
        who = None if by is None else local_actor(by)
        write_document(self._ws, template, Path(to), wanted, by=who, why=why)
        return Path(to)

    def check(self) -> pd.DataFrame:
        """Look whether files, ledger, caches, sums, tiers, disk, clock and backups are all right.

        Returns
        -------
        DataFrame
            A row per finding, the gravest first, none where all is well: `severity` ("error", "warning",
            "note"), `what` was looked at, `where`, `message` and `remedy`, as `riskmap check` says them.

        Raises
        ------
        LedgerError
            There is no ledger that can be opened.

        Examples
        --------
        >>> set(d.check()["severity"]) <= {"note", "warning", "error"}
        True

        """
        columns = ["severity", "what", "where", "message", "remedy"]
        return pd.DataFrame([one.as_json() for one in checked(self._ws)], columns=columns)

    def export(
        self,
        to: PathLike | Sequence[PathLike],
        *,
        layers: Words = None,
        tier: Words = None,
        state: Words = None,
        subdistrict: Words = None,
        where: Words = None,
        within: PathLike | shapely.Geometry | None = None,
        as_of: Day = None,
        unmasked: bool = False,
        by: str | None = None,
        why: str = "",
        lang: Lang = "zh",
    ) -> Exported:
        """Write the chosen records as a classified inventory, in the format that each ending names.

        Parameters
        ----------
        to
            A file or several: xlsx csv geojson gpkg shp.zip kml parquet.
        layers, tier, state, subdistrict, where, within, as_of
            Which records, as in `LayerView.frame`.
        unmasked
            Whether names and phones are written in full; the ledger keeps who asked and why.
        by, why
            Who makes the list and why; needed for `unmasked`.
        lang
            Language of headings, "zh" or "en".

        Returns
        -------
        Exported

        Raises
        ------
        ExportError
            A file cannot be written, or its ending names no format.
        SelectionError, UnknownNameError
            A part of the selection does not exist.

        Examples
        --------
        >>> done = d.export("major.csv", layers="slopes", tier="major")
        >>> done.rows == len(d["slopes"].frame(tier="major"))
        True

        """
        paths = [Path(one) for one in ([to] if isinstance(to, str | Path) else to)]
        selection = _selection(
            self._ws,
            _words(layers),
            tier=tier,
            state=state,
            subdistrict=subdistrict,
            where=where,
            within=within,
            as_of=as_of,
        )
        who = None if by is None else local_actor(by)
        document = export_selection(
            self._ws, selection, paths, as_of=_day(as_of), unmasked=unmasked, by=who, why=why, lang=lang
        )
        files = tuple(Path(file["path"]) for file in document["files"])
        return Exported(files, document["count"], document["adds_up"])

    def atlas(
        self,
        to: PathLike,
        *,
        layers: Words = None,
        tier: Words = None,
        state: Words = None,
        subdistrict: Words = None,
        where: Words = None,
        within: PathLike | shapely.Geometry | None = None,
        as_of: Day = None,
        paper: Literal["A4", "A3"] | None = None,
        grey: bool = False,
        streets: bool = True,
        points: Words = ("major", "large"),
        unmasked: bool = False,
        by: str | None = None,
        why: str = "",
        lang: Lang = "zh",
    ) -> Path:
        """Print the chosen records as a book of maps: overview, sub-districts, bad risks one by one, index.

        Parameters
        ----------
        to
            The .pdf file.
        layers, tier, state, subdistrict, where, within, as_of
            Which records, as in `LayerView.frame`.
        paper, grey
            The paper, by default the workspace's; greys for a printer without colour.
        streets, points
            Whether each sub-district has a page; the tiers (major, large) whose risks have one each.
        unmasked
            Whether these pages print contacts in full; the ledger keeps who asked and why.
        by, why
            Who prints it and why; needed for `unmasked`.
        lang
            Language of its words, "zh" or "en".

        Raises
        ------
        ExportError
            The file cannot be written, is no .pdf, or would have too many pages.
        SelectionError, UnknownNameError
            A part of the selection does not exist.

        Examples
        --------
        >>> d.atlas("major.pdf", layers="slopes", tier="major").name
        'major.pdf'

        """
        chosen = _words(points)
        if unknown := [one for one in chosen if one not in BAD]:
            raise SelectionError(
                f"points {'、'.join(unknown)}：应为 {'、'.join(BAD)} 中的几个",
                f"points {', '.join(unknown)}: expected some of {', '.join(BAD)}",
            )
        selection = _selection(
            self._ws,
            _words(layers),
            tier=tier,
            state=state,
            subdistrict=subdistrict,
            where=where,
            within=within,
            as_of=as_of,
        )
        return write_atlas(
            self._ws,
            selection,
            Path(to),
            pages=Pages(streets, tuple(one for one in BAD if one in chosen)),
            as_of=_day(as_of),
            look=Look(paper, grey=grey),
            unmasked=unmasked,
            by=None if by is None else local_actor(by),
            why=why,
            lang=lang,
        ).path

    def fill_form(
        self,
        name: str,
        to: PathLike,
        *,
        tier: Words = None,
        state: Words = None,
        subdistrict: Words = None,
        where: Words = None,
        within: PathLike | shapely.Geometry | None = None,
        period: str | None = None,
        as_of: Day = None,
        unmasked: bool = False,
        by: str | None = None,
        why: str = "",
        lang: Lang = "zh",
    ) -> Path:
        """Fill a superior's form of `forms/`, one record a row; everything else of it stays as it is.

        Parameters
        ----------
        name
            The form: its mapping is forms/NAME.toml.
        to
            The workbook to write, with the ending of the form.
        tier, state, subdistrict, where, within, as_of
            Which records of those that the mapping selects, as in `LayerView.frame`.
        period
            The period of the figures in single cells, such as "2026-Q4".
        unmasked
            Whether names and phones are written in full; the ledger keeps who asked and why.
        by, why
            Who fills it and why; needed for `unmasked`.
        lang
            Language of words that the mapping does not state, "zh" or "en".

        Raises
        ------
        CatalogError
            Mapping, form and records do not fit one another; it names file, key and cell.
        UnknownNameError, SelectionError
            There is no such form, or a part of the selection does not exist.
        UnreadableFileError, ExportError
            The form cannot be read or is not to be changed; the file cannot be written.

        Examples
        --------
        >>> d.fill_form("slopes_quarterly", "filled.xlsx", where="坡高 >= 12").name
        'filled.xlsx'

        """
        form = form_named(self._ws, name)
        selection = _selection(
            self._ws,
            form.layers,
            tier=tier,
            state=state,
            subdistrict=subdistrict,
            where=where,
            within=within,
            as_of=as_of,
        )
        return fill_form(
            self._ws,
            form,
            selection,
            Path(to),
            period=period,
            as_of=_day(as_of),
            unmasked=unmasked,
            by=None if by is None else local_actor(by),
            why=why,
            lang=lang,
        ).file.path

    def scenario(
        self,
        *,
        track: PathLike | Sequence[PathLike] = (),
        rain: PathLike | None = None,
        warnings: Sequence[str] = (),
        fire_weather: PathLike | None = None,
        response: str | None = None,
        at: str | dt.datetime | None = None,
        title: str = "",
        drill: bool = False,
        wind: str = "radii",
    ) -> Scenario:
        """Compute what an issued track, rain and warnings mean for every record; nothing is written.

        Parameters
        ----------
        track
            File of a cyclone's track, or several of one ensemble.
        rain
            Stations (csv) or rasters (GeoTIFF, a folder or zip of them), millimetres.
        warnings
            "台风:橙色" or "typhoon:orange", "暴雨:红色@桂园街道", or files (csv, json, CAP).
        fire_weather
            Daily weather of the forest-fire grids (csv).
        response
            Declared level of response, "I" to "IV".
        at
            The moment looked at; text without a zone is Beijing time.
        title
            Of the scenario; by default the storm's name.
        drill
            Whether it is a drill: nothing is sent for it.
        wind
            "radii" (the issued ones), "holland1980", "holland2008" or "holland2010".

        Returns
        -------
        Scenario

        Raises
        ------
        RiskmapError
            Names the file and line, or the word, that cannot be used.

        Examples
        --------
        >>> s = d.scenario(warnings=["暴雨:红色"])
        >>> bool((s.raised["to"] > s.raised["from"]).all())
        True

        """
        tracks = [track] if isinstance(track, str | Path) else track
        given = Given.stated(
            self._ws,
            title=title,
            tracks=tuple(Path(one) for one in tracks),
            rain=None if rain is None else Path(rain),
            fire=None if fire_weather is None else Path(fire_weather),
            warnings=tuple(warnings),
            response=response,
            at=parse_beijing_moment(at) if isinstance(at, str) else at,
            drill=drill,
            model=wind,
        )
        return Scenario(self._ws, prepare(self._ws, given))


class LayerView:
    """One layer of a district: its records as a frame, and every way to change them.

    Examples
    --------
    >>> slopes = d["slopes"]
    >>> slopes.fields.loc["height_m", ["title", "type", "unit"]].tolist()
    ['坡高', 'number', 'm']
    >>> slopes.choices("stability")["unstable"]
    '不稳定'

    """

    def __init__(self, workspace: Workspace, layer: Layer) -> None:
        self._ws, self._layer = workspace, layer

    def __repr__(self) -> str:
        return f"<LayerView {self.id}>"

    @property
    def id(self) -> str:
        """The layer's id."""
        return self._layer.id

    @property
    def title(self) -> str:
        """The layer's title, Chinese."""
        return self._layer.title.zh

    @property
    def geometry(self) -> str:
        """What a record is on the map: point, line or polygon."""
        return self._layer.geometry

    @property
    def fields(self) -> pd.DataFrame:
        """The fields, a row each (index: id): title, title_en, type, unit, minimum, maximum, help."""
        rows = [
            (f.id, f.title.zh, f.title.en, f.type, f.unit, f.minimum, f.maximum, f.help.zh)
            for f in self._layer.fields
            if not f.item
        ]
        columns = ["id", "title", "title_en", "type", "unit", "minimum", "maximum", "help"]
        numbers = {"minimum": "float64", "maximum": "float64"}
        return pd.DataFrame(rows, columns=columns).astype(numbers).set_index("id")

    def choices(self, field: str, *, lang: Lang = "zh") -> dict[str, str]:
        """Return choice id → title (`lang` "zh" or "en") of a field, in the order of the layer file.

        For a column with titles: `gdf["stability"].cat.rename_categories(slopes.choices("stability"))`.
        UnknownNameError where the layer has no such field.
        """
        if field not in self._layer.field_ids:
            raise frames.unknown_columns(self._layer, [field])
        return {choice.id: choice.title.text(lang) for choice in self._layer.field(field).choices}

    def frame(
        self,
        *,
        tier: Words = None,
        state: Words = None,
        subdistrict: Words = None,
        where: Words = None,
        within: PathLike | shapely.Geometry | None = None,
        text: str = "",
        flag: Words = None,
        as_of: Day = None,
        parts: bool = False,
    ) -> gpd.GeoDataFrame:
        """Return the chosen records, retired ones left out, as a GeoDataFrame in EPSG:4490.

        Parameters
        ----------
        tier
            major, large, general, low (or 重大 …), or unrated.
        state
            rated or unrated.
        subdistrict
            Names; 未注明 for records that state none.
        where
            Conditions that must all hold, "FIELD OP VALUE": "坡高 >= 12", "stability in 不稳定,欠稳定",
            "height_m missing". A missing value satisfies no other condition.
        within
            A file of polygons (GeoJSON), "area=…" out of a map's address, or a polygon in EPSG:4490; its border
            is inside.
        text
            Words that code, name or address contain.
        flag
            possible_duplicate, outside_district, outside_subdistrict, unknown_subdistrict, no_subdistrict, unlocated,
            declared_differs, stale.
        as_of
            A past day, at its end, or a moment.
        parts
            With a column `part.ID` (float64, NaN where not known) for each part of the model in use: the dimensions
            or themes of an index, in the model's units. They follow from the fields: `edit` refuses them.

        Returns
        -------
        GeoDataFrame
            n rows in code order, index `code`. `name`; `subdistrict` (categorical); `tier` (ordered
            categorical low < unrated < general < large < major), or `grade` (good < ungraded < fair < weak <
            poor) where records are no risks; `score` (float64, NaN where unrated);
            a column per field: number float64, integer Int64, boolean boolean, date datetime64,
            choice categorical of choice ids, text text, in the units of `attrs["units"]`;
            `checklist.ITEM` (boolean); `missing`, `rules`, `flags` (tuples of ids); `contacts` (how
            many); `version`; `updated_at` (UTC); `geometry`, None where unlocated. Personal fields are masked.

        Raises
        ------
        SelectionError
            A tier, sub-district, field or condition that does not exist; it names the nearest one.

        Examples
        --------
        >>> high = d["slopes"].frame(where="坡高 >= 12")
        >>> float(high["height_m"].min()) >= 12, high.crs.to_epsg()
        (True, 4490)

        """
        snapshot = current_snapshot(self._ws, as_of=_day(as_of))
        chosen = _selection(
            self._ws,
            (self.id,),
            tier=tier,
            state=state,
            subdistrict=subdistrict,
            where=where,
            within=within,
            as_of=as_of,
            text=text,
            flag=flag,
        )
        table = select(snapshot, chosen).table(snapshot, self.id)
        shown = masked_columns(self._layer, table, snapshot.table(self.id))
        return frames.frame_of(shown, self._layer, parts=parts)

    def read(
        self,
        path: PathLike,
        *,
        crs: int | str | None = None,
        full_list: bool = False,
        number: str = "",
        match: str = "",
        hidden_sheets: bool = False,
    ) -> Plan:
        """Read a file and compare it with the ledger; nothing is written before `Plan.commit`.

        Parameters
        ----------
        path
            xlsx xls ods csv shp (zip) gpkg geojson kml parquet.
        crs
            EPSG number, or wgs84 cgcs2000 gcj02 bd09; a file that carries its own needs none.
        full_list
            Whether the file is the whole layer: `Plan.absent` then names the codes that it lacks.
        number
            Prefix of the codes for rows that have none; the same list gives the same codes again.
        match
            "name": rows without a code are the records of their name.
        hidden_sheets
            Whether hidden sheets of a workbook are read as well.

        Returns
        -------
        Plan

        Raises
        ------
        UnreadableFileError
            The file cannot be opened or is not what its ending says; UncodedRowsError where no row has a code.
        DatumError
            The coordinate system is missing, unknown or contradicts the file.

        Examples
        --------
        >>> _ = d.export("slopes.xlsx", layers="slopes")
        >>> plan = d["slopes"].read("slopes.xlsx")
        >>> plan.counts["unchanged"] == len(plan.accepted)
        True

        """
        datum = f"EPSG:{crs}" if isinstance(crs, int) else crs
        codes = row_codes(self._ws, self.id, number=number, match=match)
        intake = read_for_import(
            self._ws, self.id, Path(path), datum=datum, codes=codes, hidden=hidden_sheets
        )
        return Plan(self._ws, self._layer, plan_file(self._ws, intake, full_list=full_list))

    def edit(self, frame: pd.DataFrame, *, by: str, why: str) -> pd.Series:
        """Change records: one changeset, all rows judged, their tiers with them, all or nothing.

        Only cells that differ from the ledger count. NA is *not stated* and never erases; `riskmap.CLEAR`
        erases. A number may carry its unit, "12米"; a geometry must declare its system. What is kept but
        looks wrong is said as a warning.

        Parameters
        ----------
        frame
            Rows by code (the index, or a column `code`); columns as `LayerView.frame` names them, any
            of them. `version`, where it is among them, is the version of each record that was read.
            `tier` and `score` follow from the fields and may not be changed.
        by, why
            Who, and the reason.

        Returns
        -------
        Series
            The version of each changed record (int64, index `code`); empty where nothing differed.

        Raises
        ------
        StaleRevisionError
            A record has moved on since its `version`; `rows` has both sides of each. Nothing is written.
        UnknownNameError
            A code or a column does not exist.
        RefusedError
            A value that the layer does not allow; it names every one. Nothing is written.

        Examples
        --------
        >>> import pandas as pd
        >>> survey = pd.DataFrame({"height_m": [14.5]}, index=["YS-BP-01-00002"])
        >>> int(d["slopes"].edit(survey, by="王五", why="复核测量").iloc[0])
        2

        """
        codes = [str(code) for code in (frame["code"] if "code" in frame.columns else frame.index)]
        known = self._ws.ledger.features(self.id, codes=codes, include_retired=True)
        rows = frames.edits_of(frame, self._layer, known)
        done = edit_points(self._ws, self.id, rows, by=local_actor(by), why=why)
        before = dict(zip(known.records.code, known.version.tolist(), strict=True))
        _warn(done.warnings)
        moved = {code: version for code, version in done.versions.items() if version != before[code]}
        return pd.Series(moved, name="version", dtype="int64").rename_axis("code")

    def record(
        self,
        stated: Mapping[str, object],
        *,
        by: str,
        why: str,
        on: str | None = None,
        crs: int | str = "",
        make: str = "",
        source: str = "",
        files: Sequence[str | Path] = (),
    ) -> pd.DataFrame:
        """Add one record, judged, with the tiers that follow: one changeset, one undo.

        Parameters
        ----------
        stated
            Field, by id, title or alias, and what is stated of it: a text or a value. The code may be left out
            where the layer makes codes (`key` of its file).
        by, why
            Who, and the reason.
        on
            When it happened: the layer's field that says when.
        crs
            The system of a position that is stated (经度 and 纬度).
        make
            One of the layer's `makes`: the record that is made of this one beside it; what is stated of that one
            begins with `ID.`.
        source
            LAYER:CODE of a record that this one is made of; `make` is then one of its layer's.
        files
            Pictures and documents that hang on it, in the first field of files that none of its moves asks for.

        Returns
        -------
        DataFrame
            `layer`, `version` of what was added (index `code`): the record, and the one that is made of it.

        Raises
        ------
        UnknownNameError
            A field, a making or a record that does not exist.
        RefusedError
            A value or a law that speaks against it; nothing is written.
        UnreadableFileError
            A file that is no picture or document, or too large; nothing is written.

        Examples
        --------
        >>> news = {"编号": "YS-DX-99-00001", "名称": "新建地下车库"}
        >>> d["underground_spaces"].record(news, by="王五", why="新增排查").index.tolist()
        ['YS-DX-99-00001']

        """
        done = record_one(
            self._ws,
            self.id,
            stated,
            on=on,
            crs=f"EPSG:{crs}" if isinstance(crs, int) else crs,
            make=make,
            source=source,
            files=[(path.name, read_bounded(path)) for path in map(Path, files)],
            by=local_actor(by),
            why=why,
        )
        _warn(done.warnings)
        columns = {
            "layer": [one.layer for one in done.records],
            "version": [one.version for one in done.records],
        }
        return pd.DataFrame(columns, index=pd.Index([one.code for one in done.records], name="code"))

    def explain(self, code: str) -> Explanation:
        """Return why a record has its tier, by the layer's current model.

        Parameters
        ----------
        code
            The record's code.

        Returns
        -------
        Explanation
            `score`, `tier`, `contributions` (they and the reference's score sum to the score), `rules`,
            `gates`, `missing`, `nearest` (the smallest change of a field that moves the tier).

        Raises
        ------
        UnknownNameError
            There is no such code.
        NotFittedError
            The model compares with the whole layer, which was never assessed.

        Examples
        --------
        >>> why = d["slopes"].explain("YS-BP-01-00001")
        >>> parts = sum(part.contribution for part in why.contributions)
        >>> abs(why.reference["score"] + parts - why.score) < 1e-9
        True

        """
        return explain_point(self._ws, self.id, code)

    def history(self, code: str) -> pd.DataFrame:
        """Return every revision of a record, a row for each field that it changed, oldest first.

        Parameters
        ----------
        code
            The record's code.

        Returns
        -------
        DataFrame
            `version`, `at` (datetime64, UTC), `who`, `why`, `kind`, `changeset`, `field`, `before`, `after`;
            `field` is missing in a revision that changed no field. Personal data are masked.

        Raises
        ------
        UnknownNameError
            There is no such code.

        Examples
        --------
        >>> d["slopes"].history("YS-BP-01-00001").loc[0, "kind"]
        'import'

        """
        rows = [
            (one.version, one.at, one.who, one.why, one.kind, one.changeset, field, before, after)
            for one in point_history(self._ws, self.id, code)
            for field, (before, after) in (one.changes or {None: (None, None)}).items()
        ]
        columns = ["version", "at", "who", "why", "kind", "changeset", "field", "before", "after"]
        found = pd.DataFrame(rows, columns=columns)
        return found.assign(at=frames.moments(found["at"].tolist()))


@dataclass(frozen=True, eq=False)
class Summary:
    """Counts of a district. `adds_up` is False where sums do not agree; `differences` say where.

    Examples
    --------
    >>> found = d.summary()
    >>> sum(found.tiers.values()) + found.unrated == found.total
    True

    """

    _document: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<Summary: {self.total} records, {self.tiers}, {self.unrated} unrated>"

    @property
    def total(self) -> int:
        """All records that are not retired."""
        return int(self._document["total"])

    @property
    def tiers(self) -> dict[str, int]:
        """Tier id → records, worst first, without the unrated."""
        return dict(self._document["tiers"])

    @property
    def unrated(self) -> int:
        """Records without a tier."""
        return int(self._document["unrated"])

    @property
    def adds_up(self) -> bool:
        """Whether every sum agrees with its total."""
        return bool(self._document["adds_up"])

    @property
    def differences(self) -> pd.DataFrame:
        """The sums that do not agree: what, expected, found, codes (of the records without a tier)."""
        return pd.DataFrame(self._document["differences"], columns=["what", "expected", "found", "codes"])

    @property
    def layers(self) -> pd.DataFrame:
        """A row per layer: total, a column for each tier, unrated, unlocated."""
        return _counts(self._document["layers"], "layer", ("unlocated",))

    @property
    def subdistricts(self) -> pd.DataFrame:
        """A row per sub-district: total, a column for each tier, unrated."""
        return _counts(self._document["subdistricts"], "subdistrict", ())

    def to_dict(self) -> dict[str, Any]:
        """Return the document of `riskmap summary --json`."""
        return dict(self._document)


def _counts(parts: Mapping[str, Any], name: str, more: Sequence[str]) -> pd.DataFrame:
    rows = [{name: key, **part, **part["tiers"]} for key, part in parts.items()]
    return pd.DataFrame(rows, columns=[name, "total", *TIERS, "unrated", *more]).set_index(name)


@dataclass(frozen=True, slots=True)
class Exported:
    """Files that were written, how many records they hold, and whether the sums agree (the cover says why not)."""

    files: tuple[Path, ...]
    rows: int
    adds_up: bool


class Plan:
    """What importing a file would do. Nothing is written before `commit`.

    Every row of the file that holds data is either in `accepted` or in `rejected`.
    """

    def __init__(self, workspace: Workspace, layer: Layer, planned: FileImport) -> None:
        self._ws, self._layer, self._planned = workspace, layer, planned

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {what}" for what, n in self.counts.items())
        return f"<Plan {self._planned.intake.file}: {counts}>"

    @property
    def counts(self) -> dict[str, int]:
        """Rows by what would become of them: insert, update, unchanged, held, rejected."""
        plan = self._planned.plan
        counts = {what: plan.count(what) for what in ("insert", "update", "unchanged", "held")}
        return {**counts, "rejected": len(plan.intake.rejected)}

    @cached_property
    def accepted(self) -> gpd.GeoDataFrame:
        """The rows that were read, held ones among them, by code: sheet, row, `action`, and the columns of
        a frame.
        """
        return frames.accepted_frame(self._planned.plan, self._layer)

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """The rows that cannot go in: sheet, row, code, message (place, find, remedy), cells (header → text)."""
        rows = [
            (
                one.sheet,
                one.row,
                one.code,
                "\n".join(str(issue.message) for issue in one.issues),
                dict(one.cells),
            )
            for one in self._planned.intake.rejected
        ]
        return pd.DataFrame(rows, columns=["sheet", "row", "code", "message", "cells"])

    @cached_property
    def held(self) -> pd.DataFrame:
        """The rows that will wait for a person, by code: sheet, row, name, rule, message."""
        plan, records = self._planned.plan, self._planned.intake.records
        rows = [
            (
                records.code[i],
                plan.intake.sheet[i],
                plan.intake.row[i],
                records.name[i],
                hold.rule,
                str(hold.message),
            )
            for i, hold in sorted(plan.holds.items())
        ]
        return pd.DataFrame(rows, columns=["code", "sheet", "row", "name", "rule", "message"]).set_index(
            "code"
        )

    @cached_property
    def changes(self) -> pd.DataFrame:
        """What would change in records of the ledger, a row per field: code, sheet, row, field, before, after."""
        plan = self._planned.plan
        rows = [
            (plan.intake.records.code[i], plan.intake.sheet[i], plan.intake.row[i], field, before, after)
            for i, changes in sorted(plan.changes.items())
            for field, (before, after) in changes.items()
        ]
        return pd.DataFrame(rows, columns=["code", "sheet", "row", "field", "before", "after"])

    @cached_property
    def issues(self) -> pd.DataFrame:
        """Everything that was said about the file: sheet, row, code, field, value, severity, rule, message."""
        columns = ["sheet", "row", "code", "field", "value", "severity", "rule", "message"]
        rows = [{**one.as_json(), "message": str(one.message)} for one in self._planned.issues]
        return pd.DataFrame(rows, columns=columns)

    @property
    def absent(self) -> tuple[str, ...]:
        """Codes of the ledger that a full list does not hold."""
        return self._planned.plan.absent

    def to_dict(self) -> dict[str, Any]:
        """Return the file's part of `riskmap import --json`."""
        return self._planned.as_json()

    def commit(self, *, by: str, why: str) -> int:
        """Write what the plan says and score what it touched; return the changeset.

        Held rows wait for a person, rejected ones are kept to be corrected. A layer's first load
        stays unrated until `District.assess`.

        Parameters
        ----------
        by, why
            Who, and the reason.

        Returns
        -------
        int
            The changeset, by which `riskmap undo` takes the import back as a whole.

        Raises
        ------
        StaleRevisionError
            The ledger has moved since the file was read; read it again. Nothing is written.
        NotScoredError
            A record cannot be scored. Nothing is written.

        """
        done = commit_file(self._ws, self._planned, by=local_actor(by), why=why)
        self._planned = done
        if done.committed is None:
            raise AssertionError("a committed file has a changeset")
        return done.committed.changeset


class Scenario:
    """What an issued track, rain and warnings mean for the records; kept only by `save`.

    Examples
    --------
    >>> s = d.scenario(warnings=["暴雨:红色"], title="推演")
    >>> len(s.raised) == len(s.callout)
    True
    >>> s.save(by="王五", why="值班")
    1

    """

    def __init__(self, workspace: Workspace, prepared: Prepared) -> None:
        self._ws, self._found = workspace, prepared

    def __repr__(self) -> str:
        return f"<Scenario {self.title}: {len(self._found.worst)} raised, {len(self._found.unknown)} unknown>"

    @property
    def title(self) -> str:
        """The scenario's title."""
        return self._found.title

    @property
    def at(self) -> dt.datetime:
        """The moment looked at, UTC."""
        return moment_of(self._found.at)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was filled in or left out."""
        return tuple(str(note) for note in self._found.notes)

    @cached_property
    def raised(self) -> gpd.GeoDataFrame:
        """Each raised record once, at its worst, worst and soonest first; n rows, EPSG:4490.

        `layer`, `code`, `name`, `subdistrict`, `from` and `to` (ordered tiers), `trigger`, `cause`, `start`
        and `expiry` (UTC), `value` with `low` and `high` (what the trigger saw, in its driver's unit;
        NaN where unknown), `geometry`.
        """
        found = each_once(foreseen(self._ws, self._found))
        rows = [one.escalation for one in found]
        columns = {
            "layer": [one.layer for one in rows],
            "code": [one.code for one in rows],
            "name": [one.name for one in found],
            "subdistrict": [one.subdistrict for one in found],
            "from": frames.tiers([one.rank_from for one in rows]),
            "to": frames.tiers([one.rank_to for one in rows]),
            "trigger": [one.trigger for one in rows],
            "cause": [one.cause.zh for one in rows],
            "start": frames.moments([one.start for one in rows]),
            "expiry": frames.moments([one.expiry for one in rows]),
            "value": np.array([one.value for one in rows], np.float64),
            "low": np.array([one.low for one in rows], np.float64),
            "high": np.array([one.high for one in rows], np.float64),
        }
        places = self._places(columns["layer"], columns["code"])
        return gpd.GeoDataFrame(columns, geometry=places, crs=CGCS2000)

    def _places(self, layers: Sequence[str], codes: Sequence[str]) -> np.ndarray[Any, Any]:
        found = np.full(len(codes), None, object)
        snapshot = current_snapshot(self._ws)
        for layer in dict.fromkeys(layers):
            rows = np.flatnonzero([one == layer for one in layers])
            table = snapshot.table(layer)
            at = pc.index_in(
                pa.array([codes[i] for i in rows.tolist()], pa.string()), table["code"].combine_chunks()
            )
            there = at.is_valid().to_numpy(zero_copy_only=False)
            found[rows[there]] = frames.geometry_of(table.take(at.drop_null()))
        return found

    @cached_property
    def escalations(self) -> pd.DataFrame:
        """Every raised tier as `riskmap prepare --json` lists them: a row per record, trigger and tier reached."""
        rows = plain([row for one in self._found.escalations for row in reached_tiers(one)])
        columns = [
            "layer",
            "code",
            "from",
            "to",
            "cause",
            "start",
            "expiry",
            "trigger",
            "value",
            "low",
            "high",
        ]
        found = pd.DataFrame(rows, columns=columns)
        moments = {name: frames.moments(found[name].tolist()) for name in ("start", "expiry")}
        tiers = {name: frames.tiers([RANKS.index(t) for t in found[name]]) for name in ("from", "to")}
        return found.assign(**moments, **tiers)

    @cached_property
    def closed_shelters(self) -> pd.DataFrame:
        """Shelters that may not be used: layer, code, cause, start, expiry (UTC)."""
        rows = [(one.layer, one.code, one.cause.zh, one.start, one.expiry) for one in self._found.closed]
        found = pd.DataFrame(rows, columns=["layer", "code", "cause", "start", "expiry"])
        return found.assign(**{name: frames.moments(found[name].tolist()) for name in ("start", "expiry")})

    @cached_property
    def unknown(self) -> pd.DataFrame:
        """Records that cannot be judged, which is never safe: layer, code, name, lacking."""
        rows = [(one["layer"], one["code"], one["name"], one["zh"]) for one in self._found.unknown]
        return pd.DataFrame(rows, columns=["layer", "code", "name", "lacking"])

    @cached_property
    def callout(self) -> pd.DataFrame:
        """Whom to call for each raised record, worst and soonest first within a sub-district.

        `subdistrict`, `layer`, `code`, `name`, `to` (ordered tier), `start`, `expiry` (UTC), `causes`, `actions`
        (texts), `contacts` (role, name, phone; masked) and `gaps` (what is missing before it is needed).
        """
        lines = callout_ahead(self._ws, self._found).lines
        return pd.DataFrame(
            {
                "subdistrict": [one.subdistrict for one in lines],
                "layer": [one.layer for one in lines],
                "code": [one.code for one in lines],
                "name": [one.name for one in lines],
                "to": frames.tiers([one.rank_to for one in lines]),
                "start": frames.moments([one.start for one in lines]),
                "expiry": frames.moments([one.expiry for one in lines]),
                "causes": frames.objects(tuple(cause.zh for cause in one.causes) for one in lines),
                "actions": frames.objects(tuple(action.text.zh for action in one.actions) for one in lines),
                "contacts": frames.objects(
                    tuple((c.title.zh, c.contact.name, c.contact.phone) for c in one.callees) for one in lines
                ),
                "gaps": frames.objects(tuple(gap.text.zh for gap in one.gaps) for one in lines),
            }
        )

    def evacuation(self, people: PathLike | None = None, *, crs: int | str | None = None) -> Evacuation:
        """Return who moves where: people near records raised to major, to shelters that may be used.

        Parameters
        ----------
        people
            Table of households, buildings or persons: code, people, and a position or a zone; by
            default the one that workspace.toml names.
        crs
            EPSG number or name of its coordinate system; by default what workspace.toml says.

        Returns
        -------
        Evacuation

        Raises
        ------
        RiskmapError
            There is no table, or nothing in it can be read.

        """
        table = self._ws.people_table if people is None else Path(people)
        if table is None:
            raise RiskmapError(
                "没有人口表，不能安排转移；请用 people= 给出，或在 workspace.toml 里写明",
                "no table of people, so no moves can be planned; give one with people=, or name one in workspace.toml",
            )
        datum = f"EPSG:{crs}" if isinstance(crs, int) else crs
        return Evacuation(moves_ahead(self._ws, self._found, table, crs=datum))

    def save(self, *, by: str, why: str) -> int:
        """Put the scenario into the ledger, its warnings and response into its log; return its number.

        Parameters
        ----------
        by, why
            Who, and the reason.

        Returns
        -------
        int
            What `riskmap callout` and the pages call the scenario by.

        """
        return keep(self._ws, self._found, by=local_actor(by), why=why)


@dataclass(frozen=True, eq=False)
class Evacuation:
    """Who moves where. `people` = `placed` + `unplaced`; nobody is left out in silence."""

    _plan: EvacuationPlan

    def __repr__(self) -> str:
        return f"<Evacuation: {self.people} people, {self.placed} placed, {self.unplaced} unplaced>"

    @property
    def people(self) -> int:
        """People who must move."""
        return self._plan.people

    @property
    def placed(self) -> int:
        """People who have a place in a shelter."""
        return self._plan.placed

    @property
    def unplaced(self) -> int:
        """People for whom there is no room."""
        return self._plan.unplaced

    @property
    def assignments(self) -> pd.DataFrame:
        """Who goes where: a row per household (or group) and shelter, with people and metres."""
        return pd.DataFrame(plain(self._plan.assignments))

    @property
    def shelters(self) -> pd.DataFrame:
        """What each shelter takes and lacks."""
        return pd.DataFrame(plain(self._plan.shelters))

    def to_dict(self) -> dict[str, Any]:
        """Return the document of `riskmap evacuate --json`."""
        return plain(self._plan)


def _warn(said: Sequence[Text]) -> None:
    """Say to the caller of the public face what was said of values, in one warning."""
    if said:
        python_warnings.warn(str(Text.listed(said)), stacklevel=3)


def _words(given: Words) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _day(given: Day) -> dt.date | None:
    return parse_as_of(given) if isinstance(given, str) else given


def _selection(
    ws: Workspace,
    layers: Sequence[str],
    *,
    tier: Words,
    state: Words,
    subdistrict: Words,
    where: Words,
    within: PathLike | shapely.Geometry | None,
    as_of: Day,
    text: str = "",
    flag: Words = None,
) -> Selection:
    return make_selection(
        ws,
        layers=layers,
        tiers=_words(tier),
        states=_words(state),
        subdistricts=_words(subdistrict),
        where=_words(where),
        within=Path(within) if isinstance(within, str) else within,
        text=text,
        flags=_words(flag),
        as_of=_day(as_of),
    )
