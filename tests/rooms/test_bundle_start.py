"""The start of an offline bundle: a small one, with a made-up program in it, installed where there is no network."""

from __future__ import annotations

import ensurepip
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from docs.tools.bundle.__main__ import write_start, write_sums
from docs.tools.bundle.wheels import LINUX
from tests.made_wheels import make_wheel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="platform: start.sh is for Linux")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
# What the made-up program does: say which it is and what it was asked, and make a workspace at `init`.
PROGRAM = """
import os, pathlib, sys
from importlib.metadata import version
print(version("riskmap"), version("needed"), *sys.argv[1:], "at", os.environ.get("RISKMAP_WORKSPACE"))
if sys.argv[1] == "init":
    pathlib.Path(sys.argv[2]).mkdir()
    (pathlib.Path(sys.argv[2]) / "workspace.toml").write_text("")
"""


def unpack(folder: Path, version: str) -> Path:
    """Lay a bundle of the version over whatever the folder holds, as an archive is unpacked."""
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    fresh = folder.parent / f"fresh {version}"
    (fresh / "wheels").mkdir(parents=True)
    code = {"riskmap/__init__.py": "", "riskmap/__main__.py": PROGRAM}
    make_wheel(fresh / "wheels", "riskmap", version, f"needed=={version}", files=code)
    make_wheel(fresh / "wheels", "needed", version)
    (pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    shutil.copy(pip, fresh / "wheels")
    write_start(fresh, replace(LINUX, python=HERE), version)
    write_sums(fresh)
    shutil.copytree(fresh, folder, dirs_exist_ok=True)
    return folder


def start(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run start.sh without a network, where the system lets us take it away."""
    alone = (
        ["unshare", "-rn"] if subprocess.run(["unshare", "-rn", "true"], check=False).returncode == 0 else []
    )
    surroundings = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": "/nowhere", "PIP_INDEX_URL": "none:"}
    return subprocess.run(
        [*alone, "sh", folder / "start.sh", *words],
        env=surroundings, capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return unpack(tmp_path / "离线 安装", "1.0")


def test_the_first_start_installs_makes_a_workspace_and_serves(bundle):
    done = start(bundle, "--port", "8600")
    workspace = bundle / "workspace"
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        f"1.0 1.0 init {workspace} at None",
        f"1.0 1.0 serve --workspace {workspace} --open --port 8600 at None",
    ]


def test_the_second_start_installs_nothing_and_runs_any_command(bundle):
    start(bundle, "check")
    done = start(bundle, "backup", "台账 1.zip")
    assert done.stdout == f"1.0 1.0 backup 台账 1.zip at {bundle / 'workspace'}\n"


def test_a_newer_bundle_over_an_older_one_brings_its_program_and_keeps_the_workspace(bundle):
    start(bundle)
    kept = bundle / "workspace" / "workspace.toml"
    kept.write_text("ours")
    done = start(unpack(bundle, "2.0"))
    assert done.stdout.splitlines()[-1].startswith("2.0 2.0 serve")
    assert kept.read_text() == "ours"
    assert not list(bundle.glob("wheels/*-1.0-*"))
    assert not (bundle / "program.before").exists()


def test_a_newer_bundle_beside_an_older_one_opens_its_workspace(bundle):
    start(bundle)
    done = start(unpack(bundle.parent / "newer", "2.0"))
    assert done.stdout.splitlines()[-1] == f"2.0 2.0 serve --workspace {bundle / 'workspace'} --open at None"


def test_of_several_older_workspaces_none_is_guessed(bundle):
    start(bundle)
    shutil.copytree(bundle, bundle.parent / "another")
    done = start(unpack(bundle.parent / "newer", "2.0"))
    assert done.returncode == 2
    assert "another" in done.stderr
    assert not (bundle.parent / "newer" / "workspace").exists()


def test_a_damaged_file_stops_the_start_and_leaves_the_program_that_was_there(bundle):
    start(bundle, "check")
    damaged = unpack(bundle, "2.0") / "wheels" / "needed-2.0-py3-none-any.whl"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    for words in ((), ("--check",)):
        done = start(bundle, *words)
        assert done.returncode == 2
        assert f"{damaged.relative_to(bundle)}：内容与 SHA256SUMS.txt 不符" in done.stderr
    old = subprocess.run(
        [bundle / "program" / "bin" / "python", "-P", "-m", "riskmap", "x"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert old.stdout.startswith("1.0 1.0 x")


def test_a_program_that_cannot_be_installed_leaves_the_one_before(bundle):
    start(bundle, "check")
    unpack(bundle, "2.0")
    for name in ("needed-2.0", "needed-1.0", "riskmap-1.0"):
        (bundle / "wheels" / f"{name}-py3-none-any.whl").unlink()
    (bundle / "SHA256SUMS.txt").unlink()
    write_sums(bundle)  # whole by its sums, and yet lacking what riskmap 2.0 needs
    done = start(bundle, "check")
    assert done.returncode == 2
    assert "原有程序不变" in done.stderr
    assert "needed==2.0" in done.stderr
    assert (bundle / "program" / "installed.txt").is_file()
    assert not (bundle / "program.before").exists()


def test_a_start_that_was_broken_off_begins_again(bundle):
    start(bundle, "check")
    (bundle / "program").rename(bundle / "program.before")
    (bundle / "program").mkdir()
    done = start(bundle, "check")
    assert done.stdout.splitlines()[-1].startswith("1.0 1.0 check")


def test_the_demo_has_a_folder_of_its_own(bundle):
    done = start(bundle, "demo", "--no-open")
    demo = bundle / "demo"
    assert [line.partition(" at ")[0] for line in done.stdout.splitlines()[-3:]] == [
        f"1.0 1.0 init {demo} --demo",
        f"1.0 1.0 assess --workspace {demo}",
        f"1.0 1.0 serve --workspace {demo} --no-open",
    ]
    assert not (bundle / "workspace").exists()


def test_another_python_is_refused_with_where_to_get_this_one(bundle):
    script = bundle / "start.sh"
    script.write_text(script.read_text().replace(HERE, "3.99"))
    done = start(bundle)
    assert done.returncode == 2
    assert "python3.99-venv" in done.stderr
