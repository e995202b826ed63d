"""Nothing that a file names is asked for: no connection, no look-up, whatever the file and whoever reads it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from riskmap.actions.workspace import create_workspace
from riskmap.errors import RiskmapError
from tests.addressed_files import addressed_files, addressed_rasters, listening
from tests.intake_files import MESSY, ROOT, read
from tests.network_watch import CAN_WATCH, watched

linux = pytest.mark.skipif(not CAN_WATCH, reason="system calls can only be watched on Linux")
ASKS = {
    "a connection": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "a name": "import socket; socket.getaddrinfo('name.invalid', 80)",
    "GDAL": (
        "import os, riskmap, pyogrio; "
        "[os.environ.pop('CPL_VSIL_CURL_ALLOWED_' + one) for one in ('FILENAME', 'EXTENSIONS')]; "
        "pyogrio.read_info('/vsicurl/http://127.0.0.1:9/x.gpkg')"
    ),
    "a child": (
        "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', "
        "'import socket; socket.socket()']).returncode)"
    ),
}
READ = """
import json, sys
from pathlib import Path
import riskmap
layer = riskmap.open(sys.argv[2])["risk_points"]
for file in json.loads(Path(sys.argv[3]).read_text("utf-8")):
    try:
        plan = layer.read(file, crs="wgs84")
        print(json.dumps([Path(file).name, len(plan.accepted), None, plan.issues["message"].tolist()]), flush=True)
    except riskmap.RiskmapError as problem:
        print(json.dumps([Path(file).name, 0, problem.text("zh"), []]), flush=True)
"""
RASTERS = """
import sys
from pathlib import Path
from riskmap.terrain.geotiff import opened, read_raw
for path in map(Path, sys.argv[2:]):
    with opened(path) as raster:
        raster.overviews(1)
        raster.read(1, out_shape=(8, 8), masked=True)
        print(f"{path.name}={read_raw(raster, slice(0, 9), slice(0, 9)).mean()}", flush=True)
"""
LOCKS = {
    "a namespace": "leave_network()",
    "a filter of calls": "forbid_sockets()",
    "a proxy where nobody listens": "use_dead_proxy()",
}
FETCH = """
import os, sys, urllib.request
from riskmap.io.files.worker import *
LOCK
import pyogrio
for way in ("/vsicurl/", "/vsicurl_streaming/"):
    os.environ["CPL_VSIL_CURL_ALLOWED_FILENAME"] = way + sys.argv[1]
    try:
        pyogrio.read_info(way + sys.argv[1])
    except Exception as problem:
        print(type(problem))
try:
    urllib.request.urlopen(sys.argv[1], timeout=5)
except OSError as problem:
    print(type(problem))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return create_workspace(tmp_path_factory.mktemp("out") / "ws").root


def told(root, listed, files, run=watched, **environment) -> dict[str, list]:
    """Read files in one process; return name → [accepted rows, what was refused and why, remarks]."""
    listed.write_text(json.dumps([str(file.path) for file in files]), encoding="utf-8")
    ran = run(READ, root, listed, **environment)
    assert ran.returncode == 0, (ran.returncode, ran.stdout[-300:], ran.stderr[-900:])
    assert "hidden-word" not in ran.stdout + ran.stderr
    return {line[0]: line[1:] for line in map(json.loads, ran.stdout.splitlines())}


@pytest.fixture(scope="module")
def watched_reading(root, tmp_path_factory):
    """The addressed files, what reading them under watch said, and what was asked of the address."""
    folder = tmp_path_factory.mktemp("addressed")
    with listening() as (address, asked):
        files = addressed_files(folder, address)
        yield files, told(root, folder / "list", files, no_proxy="*", RISKMAP_INTERFACE=""), asked


@linux
@pytest.mark.parametrize("asks", ASKS.values(), ids=list(ASKS))
def test_the_watch_sees_whoever_asks_the_network(asks):
    assert watched(asks).returncode in {-signal.SIGSYS, -signal.SIGABRT, 256 - signal.SIGSYS}


@linux
def test_no_file_that_names_an_address_makes_any_process_ask_the_network(watched_reading):
    files, found, asked = watched_reading
    wrong = {}
    for file in files:
        accepted, refused, _ = found[file.path.name]
        if accepted != 1 if file.says is None else file.says not in (refused or ""):
            wrong[file.path.name] = (file.says, found[file.path.name])
    assert wrong == {}
    assert asked == []


@linux
@pytest.mark.parametrize("name", ["link-and-place.kml", "link.kmz"])
def test_what_a_kml_only_links_to_is_said_to_be_missing(watched_reading, name):
    _, refused, remarks = watched_reading[1][name]
    assert any(
        "1 个网络链接（NetworkLink）" in said and "没有读" in said for said in [refused or "", *remarks]
    )


@linux
@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"], check=False).returncode != 0,
    reason="this system makes no network namespace",
)
def test_files_are_read_alike_where_there_is_no_network_at_all(watched_reading, root, tmp_path):
    files, found, _ = watched_reading
    some = files[::3]

    def cut_off(program: str, *words: object) -> subprocess.CompletedProcess[str]:
        line = ["unshare", "-rn", sys.executable, "-c", f"import sys; sys.argv.insert(1, '')\n{program}"]
        return subprocess.run(
            [*line, *map(str, words)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "RISKMAP_INTERFACE": ""},
            check=False,
        )

    read_there = told(root, tmp_path / "list", some, run=cut_off)
    assert read_there == {file.path.name: found[file.path.name] for file in some}


@pytest.mark.parametrize(
    "name", ["prj-address.shp", "prj-address.zip", "crs-text.parquet", "crs-link.geojson"]
)
def test_a_coordinate_system_that_is_an_address_is_named_where_nothing_is_declared(tmp_path, name):
    addressed_files(tmp_path, "http://place.invalid")
    with pytest.raises(RiskmapError, match=r"坐标系.*place\.invalid"):
        read(tmp_path / name, datum=None)


@pytest.mark.parametrize(
    "address", ["http://pl\x1b[31mace\u202e.invalid/x", "http://[place", "http://me:hidden-word@place/x"]
)
def test_a_hostile_system_stays_one_printable_line_without_what_signs_in(tmp_path, address):
    (tmp_path / "a.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [], "crs": {"type": "link", "properties": {"href": address}}}),
        encoding="utf-8",
    )  # fmt: skip
    shutil.copytree(MESSY, tmp_path / "shp")
    (prj,) = (tmp_path / "shp").glob("*.prj")
    prj.write_text(f"{address}\r\n" * 9, encoding="utf-8")
    for file, layer in ((tmp_path / "a.geojson", "risk_points"), (prj.with_suffix(".shp"), "shelters")):
        with pytest.raises(RiskmapError, match="坐标系") as refused:
            read(file, layer, datum=None)
        assert refused.value.text("zh").isprintable()
        assert refused.value.text("en").isprintable()
        assert "hidden-word" not in str(refused.value)


@linux
def test_no_raster_that_names_an_address_makes_this_process_ask_the_network(tmp_path):
    with listening() as (address, asked):
        rasters = addressed_rasters(tmp_path, address)
        ran = watched(RASTERS, *rasters, no_proxy="*", PROJ_NETWORK="ON", GDAL_SKIP="JPEG")
    assert ran.stdout.split() == [f"{path.name}=1.0" for path in rasters], ran.stderr[-600:]
    assert ran.returncode == 0
    assert asked == []


@pytest.mark.parametrize("lock", LOCKS.values(), ids=list(LOCKS))
def test_each_lock_of_the_reader_holds_without_the_others(lock):
    if not CAN_WATCH and "proxy" not in lock:
        pytest.skip("only Linux has it")
    without_proxies = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    open_door = "del os.environ['GDAL_HTTP_PROXY'], os.environ['GDAL_HTTPS_PROXY']"
    with listening() as (address, asked):
        for way, refusals in ((lock, 3), (open_door, None)):
            words = [sys.executable, "-W", "ignore", "-c", FETCH.replace("LOCK", way), f"{address}/x.gpkg"]
            ran = subprocess.run(words, capture_output=True, text=True, env=without_proxies, check=True)
            assert refusals is None or (len(ran.stdout.splitlines()), asked) == (refusals, []), ran.stdout
        assert asked  # without a lock the same program is heard
