"""A workspace in a folder that nobody may write to can be looked at; folders may have any name."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.ledger import Ledger
from tests.cli import riskmap
from tests.map_workspace import make_workspace
from tests.pages_running import open_page, use_workspace

ODD = "区 a?mode=ro&b=1#c%20d%3F'e"
ROOT = Path(__file__).parents[2]
# Who is root may write anywhere, unless this right is given up for good.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override"]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("looking") / ODD
    ws = make_workspace(root)
    ws.ledger.close()
    return root


@pytest.fixture
def sealed(made, tmp_path):
    """A copy of the workspace whose folders and files are read-only."""
    if os.name == "nt" or (os.getuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("platform: no rights to give up")
    root = Path(shutil.copytree(made, tmp_path / "只读" / ODD))
    shutil.rmtree(root / "data" / "cache", ignore_errors=True)
    seal(root)
    yield root
    seal(root, writable=True)


def seal(root: Path, *, writable: bool = False) -> None:
    for path in (root, *root.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | 0o200 if writable else mode & ~0o222)


def look(root: Path, *words: object, status: int = 0):
    before = [] if os.getuid() else WITHOUT_RIGHTS
    command = [*before, sys.executable, "-m", "riskmap", *map(str, words), "--workspace", str(root)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    return SimpleNamespace(out=ran.stdout, err=ran.stderr)


def test_a_read_only_workspace_says_what_a_writable_one_says_and_is_not_touched(sealed, made, tmp_path):
    before = sorted((str(p), p.stat().st_mtime_ns) for p in sealed.rglob("*"))
    for words, status in (
        (("summary", "--json"), 1),
        (("select", "--tier", "major", "--json"), 0),
        (("explain", "risk_points", "RP-LONE-low", "--json"), 0),
        (("history", "risk_points", "RP-LONE-low", "--json"), 0),
    ):
        here = look(sealed, *words, status=status).out
        assert json.loads(here) == riskmap(*words, "--workspace", made).json, words
    exported = tmp_path / "清单.geojson"
    look(sealed, "export", "--to", exported, status=1)  # one is unrated: the sums say so
    assert json.loads(exported.read_text(encoding="utf-8"))["features"]
    look(sealed, "backup", tmp_path / "b.zip")
    assert riskmap("restore", tmp_path / "b.zip", "--workspace", tmp_path / "new").status == 0
    assert sorted((str(p), p.stat().st_mtime_ns) for p in sealed.rglob("*")) == before


@pytest.mark.parametrize(
    "words",
    [
        ("retire", "risk_points", "RP-LONE-low", "--why", "x"),
        ("undo", "1", "--why", "x"),
        ("export", "--contacts", "--to", "x.xlsx"),
        ("prepare", "--drill", "--made-storm"),
    ],
)
def test_a_write_into_a_read_only_workspace_is_refused_with_the_reason_and_the_remedy(
    sealed, tmp_path, words
):
    told = [word.replace("x.xlsx", str(tmp_path / "x.xlsx")) for word in words]
    ran = look(sealed, *told, status=2)
    assert "只读，只能查看，未写入" in ran.err
    assert "复制到可写的文件夹" in ran.err
    assert not (tmp_path / "x.xlsx").exists()


PAGES = """
import sys
from streamlit.testing.v1 import AppTest
from tests.pages_running import open_page
for name in ("map", "inventory", "overview", "prepare", "import", "model", "checking"):
    page = open_page(name)
    assert not page.exception and not page.error, (name, page.error, page.exception)
"""


def test_the_pages_of_a_read_only_workspace_open(sealed):
    before = [] if os.getuid() else WITHOUT_RIGHTS
    ran = subprocess.run(
        [*before, sys.executable, "-c", PAGES],
        cwd=ROOT,
        env=os.environ | {"RISKMAP_WORKSPACE": str(sealed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_what_still_stood_in_the_log_when_the_folder_was_copied_is_seen(made, tmp_path):
    """An archive of a folder whose program was running: the last writes are not yet in the file."""
    if os.name == "nt" or (os.getuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("platform: no rights to give up")
    work = Path(shutil.copytree(made, tmp_path / "work"))
    ws = open_workspace(work)
    ws.ledger.retire("risk_points", "RP-LONE-low", by="x", why="y")
    copy = Path(shutil.copytree(work, tmp_path / "copy"))
    (copy / "data" / "ledger.sqlite-shm").unlink(missing_ok=True)
    assert (copy / "data" / "ledger.sqlite-wal").stat().st_size
    ws.ledger.close()
    seal(copy)
    try:
        told = json.loads(look(copy, "history", "risk_points", "RP-LONE-low", "--json").out)
        assert told["revisions"][-1]["kind"] == "retire"
    finally:
        seal(copy, writable=True)


@pytest.mark.parametrize(
    "old", sorted((ROOT / "tests/cases/ledgers").glob("schema_*.gz")), ids=lambda p: p.name.split(".")[0]
)
def test_an_archived_ledger_of_an_older_schema_can_be_looked_at_and_stays_as_it_is(old, made, tmp_path):
    if os.name == "nt" or (os.getuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("platform: no rights to give up")
    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    ledger = copy / "data" / "ledger.sqlite"
    content = gzip.decompress(old.read_bytes())
    for path in (copy / "data").glob("ledger.sqlite*"):
        path.unlink()
    ledger.write_bytes(content)
    shutil.rmtree(copy / "data" / "cache", ignore_errors=True)
    seal(copy)
    try:
        assert "A" in look(copy, "select", "risk_points").out
    finally:
        seal(copy, writable=True)
    assert ledger.read_bytes() == content
    assert [p.name for p in ledger.parent.glob("ledger*")] == ["ledger.sqlite"]


def test_a_folder_may_have_any_name(made, tmp_path, monkeypatch):
    root = Path(shutil.copytree(made, tmp_path / ODD))
    out = tmp_path / ODD
    assert riskmap("assess", "--workspace", root).status == 0
    for ending in ("xlsx", "csv", "geojson", "gpkg", "shp.zip", "kml", "parquet"):
        to = out / f"清单 1?2%20#3.{ending}"
        assert riskmap("export", "risk_points", "--to", to, "--workspace", root).status == 1, ending
        assert to.exists()
        back = riskmap("import", "risk_points", to, "--dry-run", "--json", "--workspace", root)
        if ending != "parquet":
            assert back.json["files"][0]["accepted"] > 50, back.err
    store = ("--store", f"sqlite:///{root}/data/ledger.sqlite")
    assert riskmap("changes", *store, "--workspace", root).status == 0
    use_workspace(monkeypatch, root)
    for name in ("map", "overview", "inventory"):
        assert not open_page(name).exception


def test_a_store_elsewhere_may_have_any_name(tmp_path):
    folder = tmp_path / ODD
    folder.mkdir()
    with Ledger.create(f"sqlite:///{folder}/a?b#c%20.sqlite"):
        assert (folder / "a?b#c%20.sqlite").is_file()
    assert [p.name for p in tmp_path.iterdir()] == [ODD]
    with sqlite3.connect(folder / "a?b#c%20.sqlite") as raw:
        assert raw.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    raw.close()
