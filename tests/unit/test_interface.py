"""A message names an option as the person who reads it knows it."""

from __future__ import annotations

from riskmap.interface import option, speak_as
from tests.cli import riskmap


def test_python_reads_the_name_of_a_parameter():
    assert option("step-minutes") == option("step-minutes", "en") == "step_minutes"


def test_the_command_line_reads_a_flag(tmp_path):
    ran = riskmap("summary", "--workspace", tmp_path)
    assert ran.status == 2
    assert "--workspace" in ran.err


def test_a_page_reads_the_label_of_its_field():
    speak_as("page")
    assert (option("crs"), option("crs", "en")) == ("“坐标系”", "“Datum”")
    assert option("engine") == "engine", "what no page has keeps its plain name"


def test_no_message_below_the_command_line_names_a_flag():
    from pathlib import Path

    import riskmap as package

    told = []
    for file in Path(package.__file__).parent.rglob("*.py"):
        if "cli" in file.parts or file.name in {"interface.py", "backlog.py"}:
            continue
        told += [
            f"{file.name}:{number}"
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
            if '"' in line and "--json" not in line and "，" in line and " --" in line.partition("#")[0]
        ]
    assert told == []
