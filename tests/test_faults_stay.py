"""A fault stays in its part: it is named, and every other part goes on."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from riskmap.actions.terrain.factors import Relief, _keep, _kept
from riskmap.actions.workspace import Workspace, open_workspace, snapshots
from riskmap.actions.workspace.snapshots import current_snapshot
from tests.cli import riskmap
from tests.map_workspace import make_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("faults") / "ws"
    current_snapshot(make_workspace(root))
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Workspace:
    return open_workspace(Path(shutil.copytree(made, tmp_path / "ws")))


def cached(ws: Workspace) -> list[Path]:
    (home,) = ws.cache_dir.glob("snapshot-*")
    return sorted(home.iterdir())


def altered(file: Path, *, seed: int) -> None:
    """Alter 40 bytes of a file, as a bad disk or a stray writer would."""
    content = bytearray(file.read_bytes())
    for at in random.Random(seed).sample(range(len(content)), min(40, len(content))):
        content[at] ^= 0xA5
    file.write_bytes(content)


def cut_off(file: Path, *, seed: int) -> None:
    os.truncate(file, random.Random(seed).randrange(file.stat().st_size))


def summary(ws: Workspace) -> object:
    return riskmap("summary", "--workspace", ws.root, "--json").json


@pytest.mark.parametrize("harm", [altered, cut_off, lambda file, seed: file.unlink()])
def test_a_snapshot_that_was_altered_or_cut_off_is_made_anew_and_never_answered_from(ws, harm, caplog):
    right = summary(ws)
    for seed in range(len(cached(ws))):
        file = cached(ws)[seed]
        harm(file, seed=seed)
        assert summary(ws) == right, file.name  # by the process that had it mapped
        harm(cached(ws)[seed], seed=seed)
        snapshots._cache.clear()
        assert summary(ws) == right, file.name  # and by one that comes to it
    assert harm not in {altered, cut_off} or "altered or cut off" in caplog.text


def test_a_snapshot_that_was_only_touched_is_read_again_and_not_made_anew(ws, monkeypatch):
    right = summary(ws)
    monkeypatch.setattr(snapshots, "build_and_shelve", lambda *_: pytest.fail("made anew"))
    os.utime(cached(ws)[0])
    assert summary(ws) == right


def test_a_relief_that_was_altered_or_cut_off_is_made_anew(tmp_path):
    relief = Relief(bytes(range(256)) * 20, (114.0, 22.5, 114.2, 22.6), "tag")
    _keep(relief, tmp_path)
    assert _kept(tmp_path, "tag") == relief
    for file in sorted(tmp_path.iterdir()):
        for harm in (altered, cut_off):
            _keep(relief, tmp_path)
            harm(file, seed=3)
            assert _kept(tmp_path, "tag") is None, (file.name, harm)
