"""A file appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from riskmap.errors import ExportError
from riskmap.io.files.atomic import replacing
from riskmap.io.writers import export, export_formats
from tests.present_samples import inventory, slopes

TMPFS_KB = 400


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    target = tmp_path / "a.csv"
    target.write_text("old")

    def fail():
        with replacing(target) as (room,):
            room.write_text("half")
            (room.parent / "a.csv-journal").write_text("x")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert target.read_text() == "old"


def test_several_files_appear_only_when_all_of_them_are_written(tmp_path: Path):
    def fail():
        with replacing(tmp_path / "a.csv", tmp_path / "b.csv") as (a, _):
            a.write_text("done")  # the second one never is

    with pytest.raises(ExportError, match=r"a\.csv"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_export_left_is_swept_by_a_later_one(tmp_path: Path):
    old, young = tmp_path / ".riskmap-export-old", tmp_path / ".riskmap-export-young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "a.csv").write_text("half")
    yesterday = time.time() - 2 * 86400
    os.utime(old, (yesterday, yesterday))
    export(inventory(slopes()), tmp_path / "a.csv")
    assert {p.name for p in tmp_path.iterdir()} == {"a.csv", ".riskmap-export-young"}


@pytest.mark.parametrize("ending", export_formats())
def test_a_format_that_fails_midway_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
):
    target = tmp_path / f"a.{ending}"
    export(inventory(slopes()), target)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("riskmap.io.files.atomic._sync", full)
    with pytest.raises(ExportError, match="磁盘空间不足"):
        export(inventory(slopes(10)), target)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="platform: no SIGKILL")
@pytest.mark.parametrize("ending", ["xlsx", "gpkg", "geojson"])
def test_a_kill_leaves_the_old_file(tmp_path: Path, ending: str):
    target = tmp_path / f"a.{ending}"
    target.write_text("old")
    code = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from riskmap.io.files import atomic
        from riskmap.io.writers import export
        from tests.present_samples import inventory, slopes
        atomic._sync = lambda path: os.kill(os.getpid(), signal.SIGKILL)
        export(inventory(slopes()), Path({str(target)!r}))
    """)
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "old"


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("small")
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("platform: no tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_KB}k", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("platform: not allowed to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("ending", export_formats())
def test_a_full_disk_leaves_the_old_file_and_says_so(small_disk: Path, ending: str):
    target = small_disk / f"a.{ending}"
    target.write_text("old")
    # In every format these rows are larger than the disk.
    with pytest.raises(ExportError):
        export(inventory(slopes(60_000, contacts=False)), target)
    assert target.read_text() == "old"
    assert [p.name for p in small_disk.iterdir()] == [target.name]
    target.unlink()
