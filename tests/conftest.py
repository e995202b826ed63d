"""What all tests share: where the test data are, and that a skip for a missing part is said, or fails in CI."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from riskmap.catalog import layer_file, model_file
from riskmap.catalog.problems import TomlFile

CI = os.environ.get("CI") == "true"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
# Skips that a machine may have for good reasons; every other skip fails in CI.
ALLOWED = ("platform:",)

# How long an example takes says how loaded the machine is, not whether a law holds. In CI the examples are
# the same each time: what failed there fails here.
settings.register_profile(
    "riskmap",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=CI,
    database=None if CI else settings.default.database,
)
settings.load_profile("riskmap")
# A mutant is noticed or not; nobody asks for its smallest example.
settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], derandomize=True, database=None)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data (RISKMAP_TEST_DATA); skips where it is absent."""
    named = os.environ.get("RISKMAP_TEST_DATA", "")
    if not named or not Path(named).is_dir():
        pytest.skip("test data: set RISKMAP_TEST_DATA to the folder with messy/ and lsl.csv")
    return Path(named)


@pytest.fixture(autouse=True)
def _no_interface_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test inherit how the one before it called options: a command or a page says it when it starts."""
    monkeypatch.delenv("RISKMAP_INTERFACE", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _same_text_same_catalog() -> Iterator[None]:
    """Parse each text of a layer or model file once, not again for every workspace and every command.

    Layers and models are frozen and follow from the text and the file's name alone; a text that is
    refused is read, and refused, each time.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module, reader in ((layer_file, "read_layer"), (model_file, "read_model")):
            patch.setattr(module, reader, functools.lru_cache(500)(getattr(module, reader)))
        patch.setattr(TomlFile, "parse", staticmethod(functools.lru_cache(500)(TomlFile.parse)))
        yield


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; skips where there is none."""
    if not CHROMIUM:
        pytest.skip("system part: Chromium is not installed (Debian: chromium, fonts-noto-cjk)")
    return CHROMIUM


@pytest.fixture(scope="session")
def gdal() -> str:
    """Path of the system's ogr2ogr, a GDAL of another version than ours; skips where there is none."""
    return _installed("ogr2ogr", "gdal-bin")


@pytest.fixture(scope="session")
def soffice() -> str:
    """Path of LibreOffice, which prints without the fonts of an office PC; skips where there is none."""
    return _installed("soffice", "libreoffice-calc-nogui libreoffice-writer-nogui")


def _installed(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"system part: {program} is not installed (Debian: {package})")
    return found


@pytest.fixture(scope="session")
def qgis() -> str:
    """Path of a Python that has QGIS; skips where there is none."""
    found = shutil.which("python3", path="/usr/bin")
    if (
        found is None
        or subprocess.run([found, "-c", "import qgis.core"], check=False, capture_output=True).returncode
    ):
        pytest.skip("system part: QGIS is not installed (Debian: python3-qgis)")
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = _reasons(terminalreporter)
    if skipped:
        parts = "; ".join(f"{reason} ({count} tests)" for reason, count in sorted(skipped.items()))
        terminalreporter.write_line(f"not run here: {parts}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not CI or reporter is None or exitstatus != 0:
        return
    forbidden = [r for r in _reasons(reporter) if not r.startswith(ALLOWED)]
    if forbidden:
        session.exitstatus = 1
        reporter.write_line("CI=true: a skipped test fails the run: " + "; ".join(forbidden), red=True)


def _reasons(reporter: pytest.TerminalReporter) -> dict[str, int]:
    found: dict[str, int] = {}
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        found[reason] = found.get(reason, 0) + 1
    return found
