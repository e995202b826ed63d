"""What a killed program leaves is cleared at the next start; what a running one works on is not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from riskmap.actions import workspace as workspaces
from riskmap.actions.workspace import open_workspace
from riskmap.io.files import leftovers
from riskmap.io.files.leftovers import mark, sweep
from tests.map_workspace import make_workspace

ROOT = Path(__file__).parents[2]

HELD = """
import os, signal, sys, tempfile
from pathlib import Path
from riskmap.actions.workspace import open_workspace, backup
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.ledger import upkeep
from riskmap.rules.permissions import local_actor
from riskmap.selection import Snapshot

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

step, root, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
ws = open_workspace(root)
if step == "backup":
    backup._verify = killed
    backup.back_up(ws, out / "b.zip", by=local_actor("x"), why="x")
elif step == "snapshot":
    save = Snapshot.save
    Snapshot.save = lambda self, place: (save(self, place), killed())
    current_snapshot(ws)
elif step == "restore":
    ws.ledger.backup(out / "b.sqlite")
    upkeep._keep_before = killed
    type(ws.ledger).restore(out / "b.sqlite", ws.store, by="x", why="y")
elif step == "whole":
    backup.back_up(ws, out / "c.zip", by=local_actor("x"), why="x")
    backup._put_in_place = killed
    backup.restore_backup(out / "c.zip", root, None, by=local_actor("x"), why="x", whole=True)
elif step == "temporary":
    from riskmap.io.files import sandbox
    sandbox._watch = killed
    (out / "a.csv").write_text("a\\n1\\n")
    from riskmap.io.files.file_checks import FileLimits
    sandbox.parse(out / "a.csv", "csv", "a.csv", FileLimits())
"""


def names(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if leftovers._MARK.search(path.name)}


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("step", ["backup", "snapshot", "restore", "whole", "temporary"])
def test_what_a_killed_program_left_is_gone_after_the_next_start(tmp_path, monkeypatch, step):
    root, out, temporary = tmp_path / "ws", tmp_path / "out", tmp_path / "tmp"
    make_workspace(root)
    out.mkdir()
    temporary.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", HELD, step, str(root), str(out)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL
    assert names(tmp_path), "the kill left something"
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    workspaces._clear_leftovers.cache_clear()
    again = open_workspace(root)
    assert again.ledger.check() == []
    assert names(root, temporary) == set()
    again.ledger.backup(out / "b.sqlite")
    if step == "backup":  # in a folder that is no part of the workspace: when it is next written to
        from riskmap.actions.workspace.backup import back_up
        from riskmap.rules.permissions import local_actor

        back_up(again, out / "b.zip", by=local_actor("x"), why="x")
    assert names(tmp_path) == set()


def test_what_a_running_program_works_on_stays(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = mark().replace(str(os.getpid()), str(other.pid))
        for name in (f"riskmap{mark()}a", f"riskmap{theirs}b"):
            (tmp_path / name).mkdir()
        (tmp_path / f".l{theirs}x.part").touch()
        sweep([tmp_path])
        assert len(list(tmp_path.iterdir())) == 3
        other.communicate(b"\n")
    sweep([tmp_path])
    assert [path.name for path in tmp_path.iterdir()] == [f"riskmap{mark()}a"]


def test_a_number_that_was_given_to_another_process_is_no_sign_of_life(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        left = tmp_path / f".l{mark().replace(str(os.getpid()), str(other.pid))}x.part"
        left.touch()
        os.utime(left, (time.time() - 3600,) * 2)
        sweep([tmp_path])
        assert not left.exists()
        other.communicate(b"\n")


@pytest.mark.parametrize("name", [".l~abcdef-1~x.part", ".ledger.sqlite.77.part", ".riskmap-export-old"])
def test_what_nobody_here_can_know_of_goes_after_a_day(tmp_path, name):
    left = tmp_path / name
    left.touch()
    sweep([tmp_path])
    assert left.exists()
    os.utime(left, (time.time() - 25 * 3600,) * 2)
    sweep([tmp_path])
    assert not left.exists()


@pytest.mark.parametrize("name", ["台账~副本~.xlsx", "a.part", ".hidden", "riskmap-notes", "~$表.xlsx"])
def test_files_of_people_are_never_taken_for_leftovers(tmp_path, name):
    (tmp_path / name).touch()
    with contextlib.suppress(OSError):
        os.utime(tmp_path / name, (0, 0))
    sweep([tmp_path, tmp_path / "no folder"])
    assert (tmp_path / name).exists()
