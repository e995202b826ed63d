"""A new member of a registry is one new file in its folder: nothing else is touched."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from riskmap.catalog import load_catalog
from riskmap.catalog.drivers import trigger_drivers
from riskmap.errors import CatalogError
from riskmap.formulas.methods import methods
from riskmap.io.writers import export_formats
from riskmap.web.pages import pages
from riskmap.web.pages.model.words import method_words
from tests.cli import riskmap
from tests.golden.small import SLOPES
from tests.pages_running import open_page, use_workspace
from tests.prepare_workspace import rain

ROOT = Path(__file__).parents[2]
WHO = ("--by", "值班员", "--why", "测试")


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Put one file beside the members of a package, as if it lay in the package's folder."""
    names: list[str] = []

    def add(package: str, name: str, text: str) -> None:
        folder = tmp_path / "added" / package
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text(text, "utf-8")
        module = importlib.import_module(package)
        monkeypatch.setattr(module, "__path__", [*module.__path__, str(folder)])
        names.append(f"{package}.{name}")
        _forget()

    yield add
    monkeypatch.undo()
    for name in names:
        sys.modules.pop(name, None)
    _forget()


def _forget() -> None:
    importlib.invalidate_caches()
    export_formats.cache_clear()
    methods.cache_clear()
    trigger_drivers.cache_clear()
    pages.cache_clear()


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    ws, rows = tmp_path / "ws", tmp_path / "slopes.csv"
    rows.write_text(SLOPES, "utf-8")
    assert riskmap("init", ws, "--name", "测试区", *WHO).status == 0
    done = riskmap("import", "slopes", rows, "--crs", "cgcs2000", *WHO, "--workspace", ws)
    assert done.status in (0, 1), done.err
    return ws


CODES = """
from riskmap.errors import Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.formats import ExportFormat


def write(inventory, path):
    with replacing(path) as (room,):
        for part in inventory.layers:
            room.write_text("\\n".join(part.table["code"].to_pylist()), "utf-8")
    return [WrittenFile(path, "codes", len(inventory))]


FORMAT = ExportFormat("codes", "Codes", Text("编号", "codes"), 80, write, frozenset({"area", "unmasked"}))
"""


def test_an_export_format_is_one_file(ws: Path, tmp_path: Path, added: Callable[[str, str, str], None]):
    to = tmp_path / "out.codes"
    refused = riskmap("export", "slopes", "--to", to, "--workspace", ws)
    assert refused.status == 2
    assert "codes" not in refused.err.rpartition("：")[2]
    added("riskmap.io.writers.formats", "codes", CODES)
    done = riskmap("export", "slopes", "--to", to, "--json", "--workspace", ws)
    assert done.status in (0, 1), done.err
    assert [(one["format"], one["path"]) for one in done.json["files"]] == [("codes", str(to))]
    assert to.read_text("utf-8").split() == ["BP1", "BP2", "BP4"]
    assert list(export_formats())[-1] == "codes"


SQUARES = """
from riskmap.errors import Text
from riskmap.formulas.methods import Method

METHODS = (
    Method("squares", Text("平方和", "sum of squares"), lambda _n, parts, _w, _f: sum(p * p for p in parts)),
)
"""


def scores(ws: Path) -> dict[str, float | None]:
    assert riskmap("assess", "slopes", *WHO, "--workspace", ws).status == 0
    features = riskmap("select", "slopes", "--json", "--workspace", ws).json["features"]
    return {one["code"]: one["score"] for one in features}


def test_a_scoring_method_is_one_file(ws: Path, added: Callable[[str, str, str], None]):
    before = scores(ws)
    path = ws / "models/slopes_matrix.toml"
    head, _, tail = path.read_text("utf-8").rpartition('method = "product"')
    path.write_text(f'{head}method = "squares"{tail}', "utf-8")
    refused = riskmap("assess", "slopes", *WHO, "--workspace", ws)
    assert refused.status == 2
    assert '"squares"' in refused.err
    assert "topsis" in refused.err
    added("riskmap.formulas.methods", "squares", SQUARES)
    after = scores(ws)
    assert set(after) == set(before)
    rated = [code for code, score in before.items() if score is not None]
    assert rated
    for code in rated:
        told = riskmap("explain", "slopes", code, "--json", "--workspace", ws)
        assert told.status == 0, told.err
        pairs = product(range(1, 6), repeat=2)
        assert after[code] in {a * a + b * b for a, b in pairs if a * b == before[code]}
    assert method_words("squares") == "平方和"


HELLO = """
import streamlit as st

from riskmap.web.frame.state import workspace
from riskmap.web.pages import Page

PAGE: object = Page(id="hello", zh="值班表", en="Rota", order=55)


def render():
    st.header(f"{workspace().config.district} 值班表")


if __name__ == "__main__":
    render()
"""


def test_a_page_is_one_file(
    ws: Path, monkeypatch: pytest.MonkeyPatch, added: Callable[[str, str, str], None]
):
    use_workspace(monkeypatch, ws)
    added("riskmap.web.pages", "hello", HELLO)
    assert [one.value for one in open_page("hello").header] == ["测试区 值班表"]
    assert list(pages()) == [
        "map",
        "inventory",
        "import",
        "point",
        "work",
        "overview",
        "published",
        "hello",
        "model",
        "checking",
        "prepare",
    ]


def test_a_page_states_itself_as_its_module_does():
    for page in pages().values():
        name = page.file.parent.name if page.file.stem == "__init__" else page.file.stem
        module = importlib.import_module(f"riskmap.web.pages.{name}")
        assert replace(module.PAGE, file=page.file) == page


SQUALL = """
from riskmap.catalog.drivers import Driver
from riskmap.errors import Text

DRIVERS = (Driver("squall_mm", Text("阵雨量", "Squall"), "mm", lambda hours: hours.rain("i3_mm"), rain=("i3_mm",)),)
"""


def test_a_trigger_driver_is_one_file(ws: Path, tmp_path: Path, added: Callable[[str, str, str], None]):
    rains = tmp_path / "rain.csv"
    rains.write_text(rain(), "utf-8")
    words = ("prepare", "--rain", rains, "--at", "2024-09-05 10:00", "--dry-run", *WHO, "--json", "--workspace", ws)  # fmt: skip
    before = riskmap(*words).json["escalations"]
    assert "3 小时雨量" in json.dumps(before, ensure_ascii=False)
    path = ws / "layers/slopes.toml"
    path.write_text(path.read_text("utf-8").replace('driver = "i3_mm"', 'driver = "squall_mm"'), "utf-8")
    with pytest.raises(CatalogError, match="squall_mm"):
        load_catalog(ws).layer("slopes")
    added("riskmap.catalog.drivers", "squall", SQUALL)
    after = riskmap(*words).json["escalations"]
    assert json.dumps(after, ensure_ascii=False) == json.dumps(before, ensure_ascii=False).replace("3 小时雨量", "阵雨量").replace("Rain in 3 h", "Squall").replace("i3_mm", "squall_mm")  # fmt: skip


PAIRS = """
import pyarrow as pa

from riskmap.io.files.formats import FileFormat

FORMATS = (FileFormat("pairs", (".pairs",), "own", __name__, magic=b"PAIRS"),)


def read(request, folder):
    from riskmap.io.files.drivers.sheets import save

    lines = open(request["path"], encoding="utf-8").read().splitlines()[1:]
    cells = list(zip(*(line.split("=") for line in lines)))
    table = pa.table({f"c{i}": list(column) for i, column in enumerate(cells)})
    return [save(folder, 0, "pairs", table)]
"""


def test_a_file_format_is_one_file(tmp_path: Path):
    """In a copy of the program: what parses a file is a process of its own."""
    home = tmp_path / "home"
    for folder in ("riskmap", "layers", "models"):
        shutil.copytree(ROOT / folder, home / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "riskmap/io/files/formats/pairs.py").write_text(PAIRS, "utf-8")
    file, ws = tmp_path / "a.pairs", tmp_path / "ws"

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "riskmap", *map(str, words)]
        environment = os.environ | {"PYTHONPATH": str(home)}
        return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)

    assert run("init", ws, "--name", "测试区", *WHO).returncode == 0
    columns = ("--crs", "cgcs2000", *WHO, "--json", "--workspace", ws)
    file.write_text("PLAIN\n编号=名称\n", "utf-8")
    assert ".pairs" in run("import", "slopes", file, *columns).stderr
    file.write_text("PAIRS\n编号=名称\nBP7=东坡\nBP8=西坡\n", "utf-8")
    done = run("import", "slopes", file, *columns)
    assert done.returncode in (0, 1), done.stderr
    assert [one["code"] for one in json.loads(run("select", "slopes", "--json", "--workspace", ws).stdout)["features"]] == ["BP7", "BP8"]  # fmt: skip
