"""What docs/hacks.md keeps: each hack does what it is kept for, and the page names what exists."""

from __future__ import annotations

import gc
import inspect
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import docx
import pytest
from streamlit import net_util
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server import server_util

from riskmap.io.writers import write_paper
from riskmap.io.writers.paper import Paper
from riskmap.ledger.store import no_cycles
from riskmap.web.frame.app import served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "hacks.md").read_text(encoding="utf-8")
ROWS = [row.strip("|").split(" | ") for row in PAGE.splitlines() if row.startswith("| `")]
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_hack_has_its_place_a_figure_or_fault_and_a_test(row):
    place, odd, figure, tests = row
    paths = re.findall(r"`(riskmap/\S+)`", place)
    assert paths
    sources = "".join((ROOT / path).read_text(encoding="utf-8") for path in paths)
    for name in re.findall(r"`(_?[A-Za-z_]+)`", place):
        assert re.search(rf"\b{name}\b", sources), name
    assert odd.strip()
    assert figure.strip()
    named = re.findall(r"`(test_\w+)`", tests)
    assert all(f"def {name}(" in TESTS for name in named), named
    assert named or "make bench" in tests


READ = """
import importlib, sys
from riskmap.io.files.formats import file_formats
from riskmap.io.files.worker import _Without
one = file_formats()[sys.argv[1]]
sys.meta_path.insert(0, _Without(*one.without))
importlib.import_module(one.reader)
print(*(name for name in ("numpy", "pandas", "geopandas") if sys.modules.get(name)))
"""


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [("xlsx", set()), ("xls", set()), ("csv", set()), ("gpkg", {"numpy"}), ("kml", {"numpy"})],
)
def test_a_small_file_is_parsed_without_the_large_libraries(kind, allowed):
    ran = subprocess.run([sys.executable, "-c", READ, kind], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= allowed


FREED = """
import ctypes, psutil
from riskmap.web.frame.app import _give_memory_back
_give_memory_back()
import numpy as np
me, pins = psutil.Process(), []
before = me.memory_info().rss
for _ in range(3):
    arrays = []
    for _ in range(30):
        arrays.append(np.ones(1 << 20))
        pins.append(ctypes.create_string_buffer(100_000))
    del arrays
print((me.memory_info().rss - before) / 1e6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_arrays_go_back_to_the_system():
    ran = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 60  # 266 without


def test_streamlit_leaves_the_folder_of_pages_alone():
    served()
    assert PagesManager.uses_pages_directory is False


def test_streamlit_looks_nothing_up_for_a_foreign_origin(monkeypatch):
    source = inspect.getsource(net_util)
    served()
    for name in ("get_external_ip", "get_internal_ip"):
        assert f"def {name}(" in source  # else the lock is on a door that nobody uses
        assert getattr(net_util, name)() is None
    asked = []
    monkeypatch.setattr(socket, "socket", lambda *_, **__: asked.append("socket"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **__: asked.append(words))
    assert not server_util.is_url_from_allowed_origins("http://evil.example")
    assert asked == []


def test_the_search_for_cycles_pauses_once_for_all_threads_and_comes_back():
    assert gc.isenabled()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with no_cycles():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with no_cycles():
        assert not gc.isenabled()
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled(), "the other thread still reads"
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_a_table_of_a_word_file_repeats_its_header(tmp_path):
    paper = Paper(title="总结", author="")
    paper.table(["街道", "点位"], [["桂园街道", f"边坡{i}"] for i in range(3)])
    write_paper(paper, tmp_path / "a.docx")
    first, *others = docx.Document(str(tmp_path / "a.docx")).tables[0].rows
    assert "w:tblHeader" in first._tr.xml
    assert not any("w:tblHeader" in row._tr.xml for row in others)
    assert all("w:cantSplit" in row._tr.xml for row in others)
