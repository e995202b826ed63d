"""What a workspace holds is for its owner alone, whatever the umask; what a person asks for is as he has it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

import riskmap as library
from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.terrain.factors import shaded_relief
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.actions.workspace.check import check
from riskmap.selection import Selection
from tests.cli import riskmap

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows gives rights by the folder's own")


@pytest.fixture
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> dict[str, str]:
    """Return what below a folder, and the folder itself, is not 0600 or 0700."""
    found = {".": folder} | {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {
        name: oct(mode(path))
        for name, path in found.items()
        if mode(path) != (0o700 if path.is_dir() else 0o600)
    }


def done(*words: object) -> None:
    ran = riskmap(*words)
    assert ran.status in {0, 1}, ran.err


@pytest.mark.parametrize("umask", [0, 0o077], indirect=True, ids=oct)
def test_a_whole_round_leaves_nothing_of_the_workspace_to_others(tmp_path, umask):
    root, here = tmp_path / "ws", ("--workspace", tmp_path / "ws")
    done("init", root, "--demo", "--points", 60, "--seed", 1)
    done("assess", *here)
    rows = tmp_path / "a.csv"
    rows.write_text("编号,名称,经度,纬度\nN1,甲,114.1,22.55\n,乙,114.1,22.55\n", encoding="utf-8")
    done("import", "risk_points", rows, "--crs", "wgs84", *here)
    done("prepare", "--warning", "台风:橙色", "--at", "2023-09-07T08:00:00Z", *here)
    done("message", 1, "--text", "演练通知", *here)
    done("backup", tmp_path / "backup", *here)
    done("export", "risk_points", "--to", tmp_path / "out.csv", *here)
    ws = open_workspace(root)
    assert shaded_relief(ws) is not None
    with ws.ledger.writing():  # its log and shared memory are there while somebody writes
        assert {path.name for path in (root / "data").glob("ledger.sqlite-*")} == {
            "ledger.sqlite-wal",
            "ledger.sqlite-shm",
        }
        assert open_to_others(root / "data") == {}
    assert list((root / "data" / "cache").glob("snapshot-*"))
    assert list((root / "data" / "outbox").glob("*.json"))
    assert mode(tmp_path / "backup") == 0o600
    assert mode(tmp_path / "out.csv") == 0o666 & ~umask
    done("restore", tmp_path / "backup", *here)
    assert open_to_others(root / "data") == {}
    assert [one for one in check(ws) if one.what == "rights"] == []


@pytest.mark.parametrize("umask", [0, 0o022], indirect=True, ids=oct)
def test_what_comes_back_from_a_backup_and_what_it_replaces_are_private(tmp_path, umask):
    assert os.umask(umask) == umask
    done("init", tmp_path / "ws", "--demo", "--points", 30)
    done("backup", tmp_path / "backup", "--workspace", tmp_path / "ws")
    new = tmp_path / "new"
    for whole in ((), ("--whole",)):
        done("restore", tmp_path / "backup", "--workspace", new, *whole)
        assert open_to_others(new / "data") == {}
        assert [one for one in check(open_workspace(new)) if one.what == "rights"] == []
        (new / "data" / "people.csv").write_text("altered", encoding="utf-8")
        (new / "data" / "people.csv").chmod(0o600)
    (kept,) = new.glob("before-restore-*")
    assert open_to_others(kept) == {}


@pytest.mark.parametrize("umask", [0], indirect=True, ids=oct)
def test_the_library_and_a_ledger_elsewhere_are_private_too(tmp_path, umask):
    d = library.demo(tmp_path / "ws", points=60, seed=1, store=str(tmp_path / "other.sqlite"))
    assert len(d["risk_points"].frame())
    assert open_to_others(tmp_path / "ws" / "data") == {}
    assert {mode(path) for path in tmp_path.glob("other.sqlite*")} == {0o600}
    assert umask == os.umask(umask)  # the process of who uses the library is left as it was


@pytest.mark.parametrize("umask", [0o022], indirect=True, ids=oct)
def test_a_damaged_ledger_that_is_replaced_is_kept_for_its_owner_alone(tmp_path, umask):
    ws = create_workspace(tmp_path / "ws")
    done("backup", tmp_path / "backup", "--workspace", ws.root)
    ledger = ws.root / "data" / "ledger.sqlite"
    ws.ledger.close()
    ledger.write_bytes(b"spoiled" * 1000)
    done("restore", tmp_path / "backup", "--workspace", ws.root)
    assert (ledger.with_name("ledger.sqlite.before-restore")).read_bytes().startswith(b"spoiled")
    assert open_to_others(ws.root / "data") == {}


@pytest.mark.parametrize("umask", [0o022], indirect=True, ids=oct)
def test_what_a_running_server_writes_is_private(tmp_path, umask):
    from riskmap.web.frame.app import _lifespan, app

    ws = create_workspace(tmp_path / "ws")

    async def serve() -> Path:
        async with _lifespan(app):
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            export_selection(ws, Selection(), folder / "a.xlsx")
            return folder

    assert open_to_others(asyncio.run(serve())) == {}
    export_selection(ws, Selection(), tmp_path / "a.xlsx")
    assert mode(tmp_path / "a.xlsx") == 0o644


def test_check_names_what_other_accounts_may_read_and_the_command_that_closes_it(tmp_path):
    root = tmp_path / "a workspace"
    done("init", root, "--demo", "--points", 30)
    ledger, people = root / "data" / "ledger.sqlite", root / "data" / "people.csv"
    ledger.chmod(0o640)
    people.chmod(0o604)
    (found,) = [one for one in check(open_workspace(root)) if one.what == "rights"]
    assert found.severity == "note"
    assert {"data/ledger.sqlite", "data/people.csv"} <= set(
        found.message.zh.replace("（", "、").replace("：", "、").split("、")
    )
    (root / "data").chmod(0o755)
    (found,) = [one for one in check(open_workspace(root)) if one.what == "rights"]
    command = found.remedy.en.removeprefix("run ")
    assert shutil.which("sh")
    assert os.system(command) == 0
    assert [one for one in check(open_workspace(root)) if one.what == "rights"] == []
    assert open_to_others(root / "data") == {}
