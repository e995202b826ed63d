"""What the command line says of itself: every command and option, in one language, in panels."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import typer.main

from riskmap.cli import common
from tests.cli import riskmap

HAN = re.compile("[\u4e00-\u9fff]")
# Told alike in both languages: words that are typed as they stand.
TYPED = {"crs", "tier", "state", "method", "model", "raster", "KIND"}


def commands():
    riskmap("--version", "summary")  # each module adds its commands
    return typer.main.get_command(common.app)


def told(lang):
    group = commands()
    common.tell(group, typer.Context(group, help_option_names=["-h", "--help"]), lang)
    return group


def texts(command):
    yield "about", command.help
    for param in command.params:
        yield common._called(param), param.help


@pytest.fixture(autouse=True)
def _chinese_again():
    yield
    told(common.LANG)


@pytest.mark.parametrize("name", sorted(commands().commands))
def test_every_command_and_option_is_told_in_both_languages(name):
    zh, en = (dict(texts(told(lang).commands[name])) for lang in ("zh", "en"))
    for key, text in zh.items():
        assert text, key
        assert en[key], key
        assert not HAN.search(en[key]), en[key]
        assert HAN.search(text) or (key in TYPED and text == en[key]), f"{key}: {text}"
        assert " / " not in text


def test_every_command_stands_in_a_panel_and_help_tells_of_no_other():
    import tomllib
    from importlib import resources

    texts = tomllib.loads(resources.files("riskmap.cli").joinpath("help.toml").read_text("utf-8"))
    group = told("zh")
    listed = [name for panel in texts["panels"].values() for name in panel["commands"]]
    assert sorted(listed) == sorted(group.commands) == sorted(set(texts) - {"", "every", "page", "panels"})
    for name, command in group.commands.items():
        own = {common._called(param) for param in command.params}
        assert set(texts[name]) - {"about"} <= own, name


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("words", [["-h"], ["summary", "--help"], ["train", "-h"]])
def test_a_page_of_help_is_in_one_language(lang, words):
    ran = subprocess.run(
        [sys.executable, "-m", "riskmap", *words], capture_output=True, text=True, check=True,
        env={**os.environ, "RISKMAP_LANG": lang, "COLUMNS": "100"},
    )  # fmt: skip
    assert bool(HAN.search(ran.stdout)) == (lang == "zh")
    assert ("Options" in ran.stdout) == (lang == "en")
    assert "选项" in ran.stdout or lang == "en"


@pytest.mark.parametrize("name", sorted(commands().commands))
def test_h_asks_for_help_everywhere(name):
    ran = riskmap(name, "-h")
    assert ran.status == 0
    assert "选项" in ran.out


@pytest.mark.parametrize(
    ("typed", "offered"), [("su", "summary"), ("export --with", "--within"), ("ti", "tier-changes")]
)
def test_a_shell_completes_commands_and_options(typed, offered):
    words = f"riskmap {typed}"
    asked = {
        "_RISKMAP_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    ran = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'riskmap'; from riskmap.cli import main; main()"],
        check=False, capture_output=True, text=True, env={**os.environ, **asked},
    )  # fmt: skip
    assert offered in ran.stdout.split()
