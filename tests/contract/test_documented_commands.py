"""Every command that README and docs show runs as written, one after the other, in a workspace of the demo district."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer.main

from riskmap.cli import common
from tests.cli import Ran, riskmap
from tests.district_desk import district_desk

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return [found[1] for found in re.finditer(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def commands(block):
    """Return the commands of a block: joined lines, no notes, each side of `&&`."""
    for line in block.replace("\\\n", " ").splitlines():
        for part in re.split(r"\s&&\s", re.sub(r"\s+#\s.*$", "", line)):
            if part.startswith(("riskmap ", "mkdir ")):
                yield part


SHOWN = {page: [command for block in blocks(page) for command in commands(block)] for page in PAGES}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return district_desk(tmp_path_factory.mktemp("district"))


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made, tmp_path / "ws")
    monkeypatch.chdir(folder)
    return folder


def run(command):
    """Run a command as a shell would; `> FILE` takes what it prints."""
    line, _, target = command.partition(" > ")
    if line.startswith("mkdir "):
        Path(line.removeprefix("mkdir ")).mkdir()
        return Ran(0, line, "")
    shorter = ["--repeats", "1"] if line.startswith("riskmap train ") else []  # of 20 folds, a minute
    ran = riskmap(*shlex.split(line)[1:], *shorter)
    if target:
        Path(target.strip()).write_text(ran.out, encoding="utf-8")
    return ran


def test_the_documents_show_commands():
    assert sum(map(len, SHOWN.values())) > 55


@pytest.mark.parametrize("page", [page for page in PAGES if SHOWN[page]], ids=lambda page: page.name)
def test_the_commands_of_a_page_run_as_written(page, home):
    for command in SHOWN[page]:
        ran = run(command)
        assert ran.status in (0, 1), f"{command}\n{ran.err}"
        assert ran.out or ran.err, command


def test_the_installation_without_make_runs_as_written(tmp_path, monkeypatch):
    lines = re.findall(
        r"^\.venv\\Scripts\\(riskmap .*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    served = []
    monkeypatch.setattr("riskmap.web.frame.app.run", lambda **options: served.append(options))
    monkeypatch.chdir(tmp_path)
    for line in lines:
        words = line.replace("\\", "/").split()[1:]
        ran = riskmap(*words, *(["--points", "300"] if words[0] == "init" else []))
        assert ran.status == 0, ran.err
    assert len(lines) == 3
    assert served[0]["port"] == 8501


def test_what_is_named_in_passing_exists():
    riskmap("--version", "summary")
    known = typer.main.get_command(common.app).commands
    for page in PAGES:
        for words in re.findall(r"`riskmap ([a-z].*?)`", page.read_text(encoding="utf-8"), re.DOTALL):
            name, *rest = words.split()
            assert name in known, f"{page.name}: riskmap {words}"
            options = {option for param in known[name].params for option in param.opts} | {"-h", "--help"}
            named = {
                re.match(r"-+[\w-]+", word)[0]
                for word in " ".join(rest).replace("[", " ").split()
                if word.startswith("--")
            }
            assert named <= options, f"{page.name}: riskmap {words}"
