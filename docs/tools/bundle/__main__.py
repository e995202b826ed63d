"""Build installers that need no network: all wheels for a target, Python for Windows, and a start that installs.

    python -m docs.tools.bundle [windows] [linux] [--out dist] [--sbom]

For each target a folder and its zip; the build fails where a requirement of any wheel is not met on the target. With
--sbom only the bill of materials of each.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from docs.tools.bundle import notices, sbom, windows
from docs.tools.bundle.wheels import ROOT, TARGETS, WINDOWS, Target, Wheel, fetch, needs, pip

START = Path(__file__).with_name("start")
LONGEST = 140  # characters of a path in a wheel; start.py reckons with it
DEVELOPERS = frozenset({"test", "bundle"})  # extras that nobody needs who runs the program
WORDS = {
    "windows": {
        "@START@": "start.bat",
        "@SYSTEM_ZH@": "Windows 10 或更高（64 位）。双击 start.bat。Python 已在 python 文件夹里，不必另装。",
        "@SYSTEM_EN@": "Windows 10 or newer, 64 bit: double-click start.bat; Python is in the folder python.",
    },
    "linux": {
        "@START@": "sh start.sh",
        "@SYSTEM_ZH@": "glibc 2.28 或更高，系统已装 Python @PYTHON@（含 venv）。运行 sh start.sh。",
        "@SYSTEM_EN@": "glibc 2.28 or newer and Python @PYTHON@ with venv from the system: run sh start.sh.",
    },
}


def main() -> None:
    """Build what the words ask for."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="both, unless named")
    ask.add_argument("--out", type=Path, default=ROOT / "dist")
    ask.add_argument("--sbom", action="store_true", help="only the bill of materials")
    args = ask.parse_args()
    with tempfile.TemporaryDirectory() as made:
        pip("wheel", "--no-deps", "-w", made, ROOT)
        (own,) = Path(made).glob("*.whl")
        for target in map(TARGETS.__getitem__, args.targets or TARGETS):
            if args.sbom:
                write_bill(
                    Path(made) / target.name, target, own, args.out / f"riskmap-{target.name}.cdx.json"
                )
            else:
                build(args.out / f"riskmap-offline-{target.name}", target, own)


def build(folder: Path, target: Target, own: Path) -> None:
    """Make the folder of a bundle, and its zip beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    wheels, parts = gather(folder, target, own)
    refuse_unfit(folder, wheels)
    notices.write(folder / "THIRD_PARTY.txt", (part for name, part in parts.items() if name != "riskmap"))
    sbom.write(folder / "sbom.cdx.json", sbom.document("riskmap", bill(wheels, target, parts)))
    write_start(folder, target, parts["riskmap"].version)
    write_sums(folder)
    archive = folder.with_suffix(".zip")
    pack(folder, archive)
    print(f"{archive}: {archive.stat().st_size / 1e6:.0f} MB, {len(wheels)} wheels, all requirements met")


def gather(folder: Path, target: Target, own: Path) -> tuple[list[Wheel], dict[str, notices.Notice]]:
    """Fetch what a bundle carries into its folder; returns its wheels, and a notice of each part by name."""
    (folder / "wheels").mkdir(parents=True)
    wheels = fetch(folder / "wheels", target, f"riskmap[{','.join(sorted(features()))}]", own)
    parts = {wheel.name: notices.of_wheel(wheel) for wheel in wheels}
    if target is WINDOWS:
        parts |= windows.unpack(folder / "python", target)
    return wheels, parts


def write_bill(place: Path, target: Target, own: Path, path: Path) -> None:
    """Write the bill of materials alone, of what would be in the bundle."""
    wheels, parts = gather(place, target, own)
    path.parent.mkdir(parents=True, exist_ok=True)
    sbom.write(path, sbom.document("riskmap", bill(wheels, target, parts)))
    print(f"{path}: {len(parts)} parts")


def refuse_unfit(folder: Path, wheels: list[Wheel]) -> None:
    """Stop the build where Windows would not find a library, or not open a file for the length of its path."""
    found = []
    if (folder / "python").exists():
        found = windows.missing_libraries(wheels, folder / "python")
    for wheel in wheels:
        with zipfile.ZipFile(wheel.path) as packed:
            found += [
                f"{wheel.path.name}: {name} is too long" for name in packed.namelist() if len(name) > LONGEST
            ]
    if found:
        raise SystemExit("\n".join([f"{folder.name} would not run", *found]))


def features() -> set[str]:
    """Return the extras of the program that an office may need, all but those of developers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"]) - DEVELOPERS


def bill(wheels: list[Wheel], target: Target, parts: dict[str, notices.Notice]) -> Iterator[sbom.Part]:
    """Return the parts of the bill of materials: the wheels, and Python where it is inside."""
    there = {wheel.name for wheel in wheels}
    for wheel in wheels:
        extras = ["", *(features() if wheel.name == "riskmap" else ())]
        needed = {canonicalize_name(r.name) for extra in extras for r in needs(wheel, target, extra)} & there
        yield sbom.Part(
            wheel.name,
            str(wheel.version),
            parts[wheel.name].licence,
            digest(wheel.path),
            tuple(sorted(needed - {wheel.name})),
        )
    for name in parts.keys() - there:
        yield sbom.Part(name, parts[name].version, parts[name].licence, "", kind="generic")


def write_start(folder: Path, target: Target, version: str) -> None:
    """Write what starts the bundle, and how to use it."""
    words = {
        "@VERSION@": version,
        "@TARGET@": target.name.capitalize(),
        **WORDS[target.name],
        "@PYTHON@": target.python,
    }
    names = {"start.py": "\n", "README.txt": "\r\n"} | (
        {"start.bat": "\r\n"} if target is WINDOWS else {"start.sh": "\n"}
    )
    for name, newline in names.items():
        text = (START / name).read_text(encoding="utf-8")
        for word, meant in words.items():
            text = text.replace(word, meant)
        mark = "utf-8-sig" if name == "README.txt" else "utf-8"
        (folder / name).write_text(text, encoding=mark, newline=newline)
    if target is not WINDOWS:
        (folder / "start.sh").chmod(0o755)


def write_sums(folder: Path) -> None:
    """Write the digest of every file of the bundle, as `sha256sum -c` reads it."""
    lines = [f"{digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files(folder)]
    (folder / "SHA256SUMS.txt").write_text("".join(lines), encoding="utf-8", newline="\n")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def files(folder: Path) -> list[Path]:
    """Return all files of a folder, by path."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def pack(folder: Path, archive: Path) -> None:
    """Zip a folder under its own name, whole or not at all; wheels are compressed already."""
    beside = archive.with_name(archive.name + ".tmp")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as out:
        for path in files(folder):
            out.write(path, path.relative_to(folder.parent).as_posix())
    beside.replace(archive)
    archive.with_name(archive.name + ".sha256").write_text(
        f"{digest(archive)}  {archive.name}\n", encoding="utf-8", newline="\n"
    )


if __name__ == "__main__":
    sys.exit(main())
