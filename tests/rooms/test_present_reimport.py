"""What present writes, intake reads back: the two agree on headers, on marks and on every value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest

from riskmap.catalog import load_catalog
from riskmap.io.tables import read_file
from riskmap.io.tables.headers import HeaderCell, HeaderDictionary, match_headers
from riskmap.io.writers import export, export_formats
from riskmap.io.writers.record_columns import sheet_columns
from riskmap.io.writers.rejects import RejectedFile, write_rejects
from riskmap.rules.people import by_role
from riskmap.selection.table import layer_table
from riskmap.values.inventory import LayerInventory
from riskmap.values.records import Contact
from tests.present_samples import GRIDS, SLOPES, grids, inventory, slopes
from tests.rooms.test_present_rejects import issue, row

DERIVED = {
    "assessed_tier",
    "assessed_grade",
    "assessed_score",
    "assessed_missing",
    "assessed_rules",
    "flags",
    "updated_at",
    "contacts",
}
LAYERS = load_catalog(Path()).layers


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_every_header_of_a_real_layer_is_read_back_as_what_it_is(layer):
    roles = [Contact(role.id, "张*", "138****0000", "主任", "2026-01-01") for role in layer.contacts]
    table = empty_table(layer)
    part = LayerInventory(layer, table, contacts=[tuple(roles)] if layer.contacts else None)
    columns = sheet_columns(part, "zh")
    headings = [HeaderCell(i, (c.title,)) for i, c in enumerate(columns)]
    matches = match_headers(headings, HeaderDictionary(layer))
    for column, match in zip(columns, matches, strict=True):
        assert match.target == (None if column.role in DERIVED else column.role), column.title


def empty_table(layer):
    from riskmap.values.records import Features, Records
    from riskmap.vocabulary import UNRATED

    one = np.array([1])
    records = Records(
        layer.id, ["A1"], ["名"], ["街道"], np.array([114.1]), np.array([22.5]), None, {}, None, None
    )
    rank, score = np.array([UNRATED], np.uint8), np.array([np.nan])
    features = Features(
        records, one, one, rank, score, ["2026-01-01T00:00:00+00:00"], [None], [()], [()], one
    )
    return layer_table(features, layer)


@pytest.mark.parametrize("ending", export_formats())
def test_points_come_back_with_every_value(tmp_path: Path, ending: str):
    part = slopes(30)
    path = export(inventory(part), tmp_path / f"a.{ending}")[0].path
    intake = read_file(path, SLOPES, datum="cgcs2000" if ending in {"xlsx", "csv"} else None)
    table, records = part.table, intake.records
    assert (intake.rows, len(records), len(intake.rejected)) == (30, 30, 0)
    order = np.argsort(np.array(records.code))
    assert [records.code[i] for i in order] == table["code"].to_pylist()
    names = [str(records.name[i]) for i in order]
    assert names == [n.strip() for n in table["name"].to_pylist()]
    located = ~np.isnan(table["lon"].to_numpy())
    for mine, theirs in ((records.lon, "lon"), (records.lat, "lat")):
        np.testing.assert_allclose(mine[order][located], table[theirs].to_numpy()[located], atol=6e-8)
        assert np.isnan(mine[order][~located]).all()
    assert [intake.stated_version[i] for i in order] == table["version"].to_pylist()
    for field in SLOPES.fields:
        if ending == "shp.zip" and field.id in {"declared_tier", "remarks"}:
            continue  # cut names and texts are explained beside the data
        found = [records.values[field.id][i] for i in order]
        assert found == table[f"f:{field.id}"].to_pylist(), field.id
    declared = records.values.get("declared_tier")
    if declared is not None:  # what was assessed must never come back as what was declared
        assert [declared[i] for i in order] == table["f:declared_tier"].to_pylist()
    if ending != "shp.zip":
        assert by_role(records.contacts[order[1]]) == by_role(part.contacts[1])


@pytest.mark.parametrize("ending", export_formats())
def test_polygons_come_back_with_their_shapes(tmp_path: Path, ending: str):
    import shapely

    part = grids()
    path = export(inventory(part), tmp_path / f"a.{ending}")[0].path
    intake = read_file(path, GRIDS, datum="cgcs2000" if ending in {"xlsx", "csv"} else None)
    order = np.argsort(np.array(intake.records.code))
    found = shapely.from_wkb([intake.records.shapes[i] for i in order])
    for mine, theirs in zip(found, shapely.from_wkb(part.table["shape"].to_pylist()), strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or mine.symmetric_difference(theirs).area < 1e-9


def test_corrected_rows_are_imported_under_their_batch(tmp_path: Path):
    cells = {"编号": "S-1", "名称": "坡一", "坡高": "很高", "经度": "114.1", "纬度": "22.5"}
    bad = row(5, cells, (2,), issue(5, "slope_height", "很高", "坡高：很高 不是数值"))
    path = tmp_path / "退回.xlsx"
    write_rejects(path, [RejectedFile("台账.xlsx", 7, (bad,))])
    book = openpyxl.load_workbook(path)
    book["桂园"]["C2"] = "12米"
    book.save(path)
    intake = read_file(path, SLOPES, datum="cgcs2000")
    assert (intake.from_batch, intake.rows, len(intake.rejected)) == (7, 1, 0)
    assert intake.records.values["slope_height"] == [12.0]
