"""Build an installer that needs no network: all wheels, and a script that installs and starts.

    python docs/tools/bundle.py [--platform win_amd64 --python 3.11] [--out dist]

Without --platform the bundle is for this machine. Packages that publish no wheel are built here; they are pure
Python. The bundle needs a Python of the same minor version on the target machine.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT_HERE = ("xstatic-leaflet",)  # published as source only

START_SH = """#!/bin/sh
# 首次运行安装（不联网），然后打开应用。 First run installs without a network, then serves the app.
set -e
cd "$(dirname "$0")"
PYTHON="${{PYTHON:-python{python}}}"
command -v "$PYTHON" >/dev/null 2>&1 || PYTHON=python3
"$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != ({major}, {minor}))' || {{
  echo "需要 Python {python} / needs Python {python}"; exit 2; }}
if [ ! -f venv/.ready ]; then
  "$PYTHON" -m venv venv
  venv/bin/python -m pip install -q --no-index --find-links wheels riskmap
  touch venv/.ready
fi
if [ ! -f workspace/workspace.toml ]; then
  if [ "$1" = demo ]; then venv/bin/riskmap init workspace --demo; venv/bin/riskmap assess --workspace workspace
  else venv/bin/riskmap init workspace; fi
fi
[ "$1" = demo ] && shift
exec venv/bin/riskmap serve --workspace workspace "$@"
"""

START_BAT = """@echo off
rem First run installs without a network, then serves the app. Arguments: demo, --port N
cd /d "%~dp0"
if not exist venv\\.ready (
  py -{python} -m venv venv || (echo Python {python} is needed & pause & exit /b 2)
  venv\\Scripts\\python -m pip install -q --no-index --find-links wheels riskmap || (pause & exit /b 2)
  echo ok> venv\\.ready
)
if not exist workspace\\workspace.toml (
  if "%1"=="demo" (
    venv\\Scripts\\riskmap init workspace --demo
    venv\\Scripts\\riskmap assess --workspace workspace
  ) else (
    venv\\Scripts\\riskmap init workspace
  )
)
if "%1"=="demo" shift
venv\\Scripts\\riskmap serve --workspace workspace --open %1 %2 %3 %4
pause
"""

READ_ME = """riskmap 离线安装包（Python {python}，{platform}）

Windows：双击 start.bat；Linux：sh start.sh。首次运行从 wheels/ 安装，不需要网络；之后浏览器打开 http://127.0.0.1:8501
想先看演示：start.bat demo 或 sh start.sh demo
台账在 workspace/data/ledger.sqlite；备份：riskmap backup 文件 --workspace workspace

Offline installer: run start.bat (Windows) or sh start.sh; add the word demo for the demo district.
"""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--platform", default="", help="e.g. win_amd64, manylinux_2_28_x86_64")
    ask.add_argument("--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}")
    ask.add_argument("--out", type=Path, default=ROOT / "dist")
    args = ask.parse_args()
    platform = args.platform or sysconfig.get_platform().replace("-", "_")
    folder = args.out / f"riskmap-offline-{platform}-py{args.python.replace('.', '')}"
    shutil.rmtree(folder, ignore_errors=True)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    pins = ["-c", str(ROOT / "constraints.txt")]
    _pip("wheel", "--no-deps", *pins, "-w", str(wheels), str(ROOT), *BUILT_HERE)
    if args.platform:
        target = ["--platform", args.platform, "--python-version", args.python, "--only-binary=:all:"]
        _pip("download", *target, *pins, "--find-links", str(wheels), "-d", str(wheels), "riskmap")
    else:
        _pip("wheel", *pins, "--find-links", str(wheels), "-w", str(wheels), "riskmap")
    major, minor = args.python.split(".")
    words = {"python": args.python, "major": major, "minor": minor, "platform": platform}
    (folder / "start.sh").write_text(START_SH.format(**words), encoding="utf-8", newline="\n")
    (folder / "start.sh").chmod(0o755)
    (folder / "start.bat").write_text(START_BAT.format(**words), encoding="utf-8", newline="\r\n")
    (folder / "README.txt").write_text(READ_ME.format(**words), encoding="utf-8-sig", newline="\r\n")
    archive = folder.with_suffix(folder.suffix + ".zip") if not folder.suffix else Path(f"{folder}.zip")
    _zip(folder, archive)
    print(f"{archive}  {archive.stat().st_size / 1e6:.0f} MB, {len(list(wheels.iterdir()))} wheels")


def _pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *words, "-q", "--disable-pip-version-check"], check=True)


def _zip(folder: Path, archive: Path) -> None:
    beside = archive.with_name(archive.name + ".tmp")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as out:  # wheels are compressed already
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo.from_file(path, path.relative_to(folder.parent).as_posix())
                out.writestr(entry, path.read_bytes())
    beside.replace(archive)


if __name__ == "__main__":
    main()
