"""Spreadsheets as sub-districts send them go from file to ledger with exactly the expected outcome."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.cli import riskmap

MESSY = Path(__file__).parents[1] / "cases" / "messy"
EXPECTED = json.loads((MESSY / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    folder = tmp_path / "ws"
    assert riskmap("init", folder).status == 0
    return folder


def load(ws: Path, name: str, *more: object) -> dict:
    case = EXPECTED[name]
    ran = riskmap(
        "import", case["layer"], MESSY / name, "--crs", case["crs"], "--json", "--workspace", ws, *more
    )
    assert ran.status == (1 if case["rejected"] else 0), ran.err
    return ran.json["files"][0]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_messy_file_is_imported_as_expected(ws: Path, name: str):
    case = EXPECTED[name]
    done = load(ws, name)
    assert done["accepted"] == done["inserted"] == case["accepted"]
    assert done["rejected"] == len(case["rejected"])
    assert done["skipped_non_data"] == case["skipped_non_data"]
    assert done["rows"] == done["accepted"] + done["rejected"] + done["skipped_non_data"]
    assert done["unlocated"] == len(case["unlocated"])
    errors = {i["code"] for i in done["issues"] if i["severity"] == "error"}
    rows = {f"row:{i['row']}" for i in done["issues"] if i["severity"] == "error"}
    assert set(case["rejected"]) <= errors | rows
    assert set(case["warned"]) <= {i["code"] for i in done["issues"] if i["severity"] == "warning"}

    found = riskmap("select", case["layer"], "--json", "--workspace", ws).json
    records = {f["code"]: f for f in found["features"]}
    assert found["count"] == case["accepted"]
    for code, (lon, lat) in case["wgs84"].items():
        f = records[code]
        north, east = (f["lat"] - lat) * 111_000, (f["lon"] - lon) * 111_000 * math.cos(math.radians(lat))
        assert math.hypot(north, east) <= 1, code
    for code in case["unlocated"]:
        assert records[code]["lon"] is None
    for code, values in case["values"].items():
        f = records[code]
        for key, value in values.items():
            assert (f[key] if key in {"name", "checklist", "contacts"} else f["fields"][key]) == value, (
                code,
                key,
            )


@pytest.mark.parametrize("name", EXPECTED)
def test_a_messy_file_imported_twice_changes_nothing(ws: Path, name: str):
    load(ws, name)
    before = riskmap("summary", "--json", "--workspace", ws).json
    again = load(ws, name)
    assert again["unchanged"] == again["accepted"] == EXPECTED[name]["accepted"]
    after = riskmap("summary", "--json", "--workspace", ws).json
    assert after == before
    assert after["rejected_rows"] == len(EXPECTED[name]["rejected"])


@pytest.mark.parametrize("name", [n for n in EXPECTED if EXPECTED[n]["rejected"]])
def test_rejected_rows_come_back_as_a_workbook_that_imports_again(ws: Path, tmp_path: Path, name: str):
    out = tmp_path / "退回.xlsx"
    load(ws, name, "--rejects", out)
    case = EXPECTED[name]
    again = riskmap("import", case["layer"], out, "--crs", case["crs"], "--json", "--workspace", ws)
    assert again.status == 1, again.err
    done = again.json["files"][0]
    assert done["rejected"] >= len(case["rejected"]) - 1  # a code given twice is alone in this workbook
    summary = riskmap("summary", "--json", "--workspace", ws).json
    assert summary["rejected_rows"] <= len(case["rejected"])


def test_a_dry_run_shows_the_difference_and_writes_nothing(ws: Path):
    name = "slopes_边坡台账.xls"
    case = EXPECTED[name]
    dry = riskmap(
        "import", "slopes", MESSY / name, "--crs", case["crs"], "--dry-run", "--json", "--workspace", ws
    )
    assert dry.json["files"][0]["inserted"] == case["accepted"]
    assert riskmap("select", "slopes", "--json", "--workspace", ws).json["count"] == 0
    assert riskmap("summary", "--json", "--workspace", ws).json["rejected_rows"] == 0
