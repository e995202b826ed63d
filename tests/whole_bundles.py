"""The true bundles in dist, as `make check-bundle` builds them: complete for their target, installed without a network.

Not part of `make test`: building takes minutes and the package index.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import riskmap
from docs.tools.bundle.__main__ import features, write_sums
from docs.tools.bundle.wheels import TARGETS, WINDOWS, unmet, wheels_in
from docs.tools.bundle.windows import missing_libraries

DIST = Path(__file__).parents[1] / "dist"
WANTED = f"riskmap[{','.join(sorted(features()))}]"
OLD = "0.0.1"
# In a network namespace of its own: nothing but this machine's own loopback, which has to be set up first.
ALONE = """
import contextlib, fcntl, os, socket, struct, subprocess, sys, time, urllib.request
with socket.socket() as any_socket:
    with contextlib.suppress(PermissionError):  # not in a namespace: it is up
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 0x41))  # SIOCSIFFLAGS: up and running
answer = None
with subprocess.Popen(sys.argv[1:]) as server:
    try:
        while server.poll() is None and answer is None:
            try:
                answer = urllib.request.urlopen("http://127.0.0.1:8600/healthz", timeout=20).status
            except OSError:
                time.sleep(0.2)
    finally:
        server.terminate()
print("answered", answer)
"""

# Where the system allows no namespace, nobody listens where every way out leads.
ALONE_BY = (
    ["unshare", "-rn"] if subprocess.run(["unshare", "-rn", "true"], check=False).returncode == 0 else []
)
NOWHERE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}


@pytest.fixture(params=TARGETS)
def bundle(request: pytest.FixtureRequest) -> Path:
    """The folder of each bundle."""
    return DIST / f"riskmap-offline-{request.param}"


def target_of(bundle: Path):
    return TARGETS[bundle.name.rpartition("-")[2]]


def test_every_requirement_of_every_wheel_is_met_on_the_target(bundle):
    wheels = wheels_in(bundle / "wheels")
    assert {
        "riskmap",
        "pip",
        "exactextract",
        "salib",
        "distributed",
        "typst",
        "pyflwdir",
        "vl-convert-python",
    } <= {w.name for w in wheels}
    assert [str(one) for one in unmet(wheels, target_of(bundle), WANTED)] == []


def test_a_windows_bundle_without_colorama_is_found_wanting():
    wheels = [
        wheel for wheel in wheels_in(DIST / "riskmap-offline-windows" / "wheels") if wheel.name != "colorama"
    ]
    assert {one.name for one in unmet(wheels, WINDOWS, WANTED)} == {"colorama"}


def test_a_windows_bundle_without_the_runtime_of_c_is_found_wanting(tmp_path):
    bundle = DIST / "riskmap-offline-windows"
    wheels = [wheel for wheel in wheels_in(bundle / "wheels") if wheel.name == "ortools"]
    assert missing_libraries(wheels, bundle / "python") == []
    for path in (bundle / "python").glob("*.dll"):
        if not path.name.startswith("msvcp140"):
            shutil.copy(path, tmp_path)
    missing = missing_libraries(wheels, tmp_path)
    assert {line.rpartition(" ")[2] for line in missing} == {"msvcp140.dll"}


def test_each_file_has_its_digest_and_the_archive_holds_them_all(bundle):
    sums = dict(
        reversed(line.split("  ", 1)) for line in (bundle / "SHA256SUMS.txt").read_text().splitlines()
    )
    with zipfile.ZipFile(bundle.with_suffix(".zip")) as packed:
        held = {
            name.partition("/")[2]: hashlib.sha256(packed.read(name)).hexdigest()
            for name in packed.namelist()
        }
    del held["SHA256SUMS.txt"]
    assert held == sums


def test_notices_and_bill_of_materials_name_every_part(bundle):
    wheels = {wheel.name: str(wheel.version) for wheel in wheels_in(bundle / "wheels")}
    bill = json.loads((bundle / "sbom.cdx.json").read_text(encoding="utf-8"))
    listed = {part["name"]: part["version"] for part in (*bill["components"], bill["metadata"]["component"])}
    notices = (bundle / "THIRD_PARTY.txt").read_text(encoding="utf-8")
    assert listed.items() >= wheels.items()
    assert [n for n, v in listed.items() if n != "riskmap" and f"\n{n} {v}: " not in notices] == []
    assert ("cpython" in listed) == (target_of(bundle) is WINDOWS)


@pytest.fixture(scope="module")
def old_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean folder with the Linux bundle in it, which says that it is an older version, and an older ledger."""
    folder = tmp_path_factory.mktemp("办公 电脑")
    with zipfile.ZipFile(DIST / "riskmap-offline-linux.zip") as packed:
        packed.extractall(folder)
    bundle = folder / "riskmap-offline-linux"
    (new,) = (bundle / "wheels").glob("riskmap-*.whl")
    with (
        zipfile.ZipFile(new) as packed,
        zipfile.ZipFile(new.with_name(new.name.replace(riskmap.__version__, OLD)), "w") as out,
    ):
        for name in packed.namelist():
            text = packed.read(name)
            if name.endswith(("/METADATA", "riskmap/__init__.py", "/RECORD")):
                text = text.replace(riskmap.__version__.encode(), OLD.encode())
            out.writestr(name.replace(f"riskmap-{riskmap.__version__}.dist", f"riskmap-{OLD}.dist"), text)
    new.unlink()
    (bundle / "SHA256SUMS.txt").unlink()
    write_sums(bundle)
    return bundle


def start(bundle: Path, *words: object, within: tuple[str, ...] = ()) -> str:
    """Start a bundle where there is no network; returns what it printed. Fails where it fails."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("RISKMAP_")}
    line = [*ALONE_BY, *within, "sh", bundle / "start.sh", *words]
    done = subprocess.run(
        list(map(str, line)),
        env=surroundings | NOWHERE | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_linux_bundle_installs_and_serves_without_a_network_and_is_upgraded_in_place(old_bundle):
    assert OLD in start(old_bundle, "--version")
    start(old_bundle, "init", old_bundle / "workspace")
    ledger = old_bundle / "workspace" / "data" / "ledger.sqlite"
    kept = Path(__file__).parent / "cases" / "ledgers" / "schema_4.sqlite.gz"
    with gzip.open(kept) as packed, ledger.open("wb") as out:
        shutil.copyfileobj(packed, out)

    with zipfile.ZipFile(DIST / "riskmap-offline-linux.zip") as packed:
        packed.extractall(old_bundle.parent)
    alone = (sys.executable, "-c", ALONE)
    assert "answered 200" in start(old_bundle, "--no-open", "--port", "8600", within=alone)
    assert riskmap.__version__ in start(old_bundle, "--version")
    assert not list(old_bundle.glob(f"wheels/riskmap-{OLD}-*"))
    assert [path.name for path in ledger.parent.glob("*.before-upgrade-*")] == [
        "ledger.sqlite.before-upgrade-4"
    ]
