"""The wheels of a bundle: which are needed on the machine they are for, and whether they are all there.

Markers such as `sys_platform == "win32"` are judged for the target, not for the machine that builds: pip's own
`--platform` chooses files for the target and judges markers for itself.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[3]
PINS = ROOT / "constraints.txt"
SOURCE_ONLY = frozenset({"xstatic-leaflet"})  # published without a wheel; pure Python, built here


@dataclass(frozen=True)
class Target:
    """A kind of machine that a bundle is for.

    python: version of the interpreter, as far as wheels care ("3.11").
    platforms: tags of platforms that the machine takes, the best first, as wheels' names and pip spell them.
    machine: what markers see of it (`os_name`, `sys_platform`, …).
    """

    name: str
    python: str
    platforms: tuple[str, ...]
    machine: dict[str, str] = field(hash=False)

    @property
    def markers(self) -> dict[str, str]:
        """All variables that a marker may ask, so that none is taken from the machine that builds."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            **self.machine,
        }

    @property
    def tags(self) -> frozenset[Tag]:
        """Every tag of a wheel that the machine can install."""
        version = tuple(map(int, self.python.split(".")))
        return frozenset(
            (
                *cpython_tags(version, platforms=self.platforms),
                *compatible_tags(version, f"cp{''.join(self.python.split('.'))}", self.platforms),
            )
        )


WINDOWS = Target(
    "windows",
    "3.11",
    ("win_amd64",),
    {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
)
# glibc 2.28 is that of Debian 10, openEuler 20.03, UOS 20 and Kylin V10.
LINUX = Target(
    "linux",
    "3.11",
    (
        *(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)),
        "manylinux2014_x86_64",
        "manylinux2010_x86_64",
        "manylinux1_x86_64",
        "linux_x86_64",
    ),
    {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
)
TARGETS = {target.name: target for target in (WINDOWS, LINUX)}


@dataclass(frozen=True)
class Wheel:
    """What a wheel says of itself in its name and its METADATA."""

    path: Path
    name: str
    version: Version
    tags: frozenset[Tag] = field(repr=False)
    metadata: HeaderParser = field(repr=False)
    python: SpecifierSet = field(repr=False)
    requires: tuple[Requirement, ...] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Wheel:
        """Read a wheel; raises InvalidWheelFilename, InvalidRequirement or KeyError for one that is none."""
        name, version, _, tags = parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as packed:
            (entry,) = (
                member
                for member in packed.namelist()
                if member.count("/") == 1 and member.endswith(".dist-info/METADATA")
            )
            metadata = HeaderParser().parsestr(packed.read(entry).decode())
        requires = tuple(map(Requirement, metadata.get_all("Requires-Dist", ())))
        return cls(
            path, name, version, tags, metadata, SpecifierSet(metadata["Requires-Python"] or ""), requires
        )


@dataclass(frozen=True)
class Unmet:
    """A requirement that no wheel of the bundle meets on its target, and who has it."""

    name: str
    requirement: str
    by: str
    why: str

    def __str__(self) -> str:
        return f"{self.by} needs {self.requirement}: {self.why}"


def wheels_in(folder: Path) -> list[Wheel]:
    """Return the wheels of a folder, by file name."""
    return [Wheel.read(path) for path in sorted(folder.glob("*.whl"))]


def unmet(wheels: Iterable[Wheel], target: Target, wanted: str) -> list[Unmet]:
    """Return what is missing for `wanted` (a requirement, e.g. "riskmap[terrain]") on the target.

    Every wheel is judged, also one that nothing leads to: its tags and Requires-Python must fit the target, and each
    of its requirements, with the markers of the target and the extras that somebody asks for, be met.
    """
    here: dict[str, Wheel] = {}
    found: list[Unmet] = []
    for wheel in wheels:
        if wheel.name in here:
            found.append(_unmet(wheel.name, wheel.path.name, f"{here[wheel.name].path.name} is there too"))
        here[wheel.name] = wheel
        if not wheel.tags & target.tags or f"{target.python}.0" not in wheel.python:
            found.append(
                _unmet(wheel.name, wheel.path.name, f"does not fit {target.name}, Python {target.python}")
            )
    queue = [(Requirement(wanted), "the bundle"), *((Requirement(name), "the bundle") for name in here)]
    asked: set[tuple[str, str]] = set()
    while queue:
        requirement, by = queue.pop()
        name = canonicalize_name(requirement.name)
        if name not in here:
            found.append(Unmet(name, str(requirement), by, "no wheel of the bundle has it"))
            continue
        wheel = here[name]
        if not requirement.specifier.contains(wheel.version, prereleases=True):
            found.append(Unmet(name, str(requirement), by, f"the bundle has {wheel.version}"))
        for extra in ({"", *requirement.extras}) - {extra for known, extra in asked if known == name}:
            asked.add((name, extra))
            queue.extend((needed, name) for needed in needs(wheel, target, extra))
    return sorted(set(found), key=str)


def needs(wheel: Wheel, target: Target, extra: str = "") -> Iterator[Requirement]:
    """Return the requirements of a wheel that hold on the target, with an extra or without."""
    at = {**target.markers, "extra": extra}
    return (r for r in wheel.requires if r.marker is None or r.marker.evaluate(at))


def _unmet(name: str, file: str, why: str) -> Unmet:
    return Unmet(name, file, "the bundle", why)


def pinned(target: Target) -> dict[str, str]:
    """Return name → version of constraints.txt as it holds on the target."""
    lines = (line.partition("#")[0].strip() for line in PINS.read_text(encoding="utf-8").splitlines())
    pins = [Requirement(line) for line in lines if line]
    return {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(target.markers)
    }


def fetch(folder: Path, target: Target, wanted: str, own: Path) -> list[Wheel]:
    """Fill a folder with the wheels that `wanted` needs on the target: rounds of download until none is missing.

    own: our wheel, which no index has. Raises SystemExit where something is not pinned, or a pin contradicts a
    requirement.
    """
    pins = pinned(target)
    (folder / own.name).write_bytes(own.read_bytes())
    _download(folder, target, {"pip": pins["pip"]})
    while missing := unmet(wheels := wheels_in(folder), target, wanted):
        there = {wheel.name for wheel in wheels}
        hopeless = [one for one in missing if one.name in there or one.name not in pins]
        if hopeless:
            raise SystemExit(
                "\n".join([f"{target.name}: the pins of constraints.txt do not fit", *map(str, hopeless)])
            )
        _download(folder, target, {one.name: pins[one.name] for one in missing})
    return wheels


def _download(folder: Path, target: Target, wanted: dict[str, str]) -> None:
    lines = {name: f"{name}=={version}" for name, version in sorted(wanted.items())}
    if built := [line for name, line in lines.items() if name in SOURCE_ONLY]:
        pip("wheel", "--no-deps", "-w", folder, *built)
    if ready := [line for name, line in lines.items() if name not in SOURCE_ONLY]:
        platforms = [word for platform in target.platforms for word in ("--platform", platform)]
        kind = ["--implementation", "cp", "--python-version", target.python, "--only-binary=:all:"]
        pip("download", "--no-deps", *platforms, *kind, "-d", folder, *ready)


def pip(*words: object) -> None:
    """Run the pip of this environment; raises CalledProcessError where it fails."""
    line = [sys.executable, "-m", "pip", *map(str, words), "-q", "--disable-pip-version-check"]
    subprocess.run(line, check=True)
