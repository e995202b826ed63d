"""Files that nobody tuned the reader for come in as a careful clerk would enter them."""

from __future__ import annotations

import math
import shutil
import warnings
from pathlib import Path

import pytest

from tests.cases.unseen import spreadsheets, vectors
from tests.cases.unseen.making import Case
from tests.cli import riskmap

CASES = [*spreadsheets.ALL, *vectors.ALL]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unseen") / "ws"
    assert riskmap("init", folder).status == 0
    return folder


@pytest.fixture
def ws(empty: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty, tmp_path / "ws"))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_an_unseen_file_is_entered_as_a_careful_clerk_would(case: Case, ws: Path, tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # writing odd files on purpose
        path = case.make(tmp_path)
    words = [
        "import",
        case.layer,
        path,
        "--json",
        "--workspace",
        ws,
        *(["--crs", case.crs] if case.crs else []),
    ]
    ran = riskmap(*words)
    assert ran.status == (1 if case.rejected else 0), ran.err
    done = ran.json["files"][0]
    assert done["rows"] == done["accepted"] + done["rejected"] + done["skipped_non_data"]
    found = {k: done[k] for k in ("accepted", "rejected", "skipped_non_data", "unlocated")}
    assert found == {
        "accepted": case.accepted,
        "rejected": len(case.rejected),
        "skipped_non_data": case.skipped,
        "unlocated": len(case.unlocated),
    }, [i["message"] for i in done["issues"]]
    assert done["inserted"] == done["accepted"]
    errors = [i for i in done["issues"] if i["severity"] == "error"]
    for wanted in case.rejected:
        assert any(wanted in {i["code"], f"row:{i['row']}"} for i in errors), wanted
    warned = {i["code"] for i in done["issues"] if i["severity"] == "warning"}
    assert set(case.warned) <= warned
    left = {h["header"] for s in done["sheets"] for h in s["headers"] if h["how"] == "left"}
    assert set(case.left) <= left

    document = riskmap("select", case.layer, "--json", "--workspace", ws).json
    records = {f["code"]: f for f in document["features"]}
    assert document["count"] == case.accepted
    for code, (lon, lat) in case.wgs84.items():
        east = (records[code]["lon"] - lon) * 111_320 * math.cos(math.radians(lat))
        assert math.hypot(east, (records[code]["lat"] - lat) * 110_574) < 1, code
    assert {c for c, f in records.items() if f["lon"] is None} == set(case.unlocated)
    for code, values in case.values.items():
        f = records[code]
        shown = {k: f[k] if k in f else f["fields"][k] for k in values}
        assert shown == dict(values), code

    again = riskmap(*words).json["files"][0]
    assert again["unchanged"] == again["accepted"] == case.accepted
    assert riskmap("select", case.layer, "--json", "--workspace", ws).json == document


def test_every_layer_and_every_kind_of_file_is_among_the_cases():
    assert {c.layer for c in CASES} == {
        "risk_points", "slopes", "underground_spaces", "waterlogging", "forest_fire_grids", "shelters",
    }  # fmt: skip
    assert len(CASES) >= 25
