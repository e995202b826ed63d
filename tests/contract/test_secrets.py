"""No password comes out again: not in what a command says, not in its documents, not in logs, not in copies."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import riskmap as library
from riskmap.actions.workspace import create_workspace
from riskmap.cli.common import app
from riskmap.errors import LedgerError, RiskmapError, without_secrets
from tests.cli import TREE, riskmap

WORD = "S3cretWord"
ADDRESSES = (
    f"postgresql://duty:{WORD}@db.invalid:5432/risk",
    f"postgresql+psycopg://duty:{WORD}@db.invalid/risk",
    f"postgresql://duty:{WORD}/risk",  # the host forgotten: SQLAlchemy takes the password for the port
    f"postgresql://duty:a/b?c#d{WORD}@e{WORD}@db.invalid/risk",
    f"postgresql://duty:{WORD}@[db.invalid/risk",
    f"postgresql://db.invalid/risk?password={WORD}",
    f"postgresql://db.invalid/risk?user=duty&sslkey=x@{WORD}",
    f"://duty:{WORD}@db.invalid",
    f"duty:{WORD}@db.invalid/risk",
    f"mysql:/duty:{WORD}@db.invalid/risk",
    f"sqlite://duty:{WORD}@db.invalid/{{}}/gone.sqlite",
    f"sqlite:///{{}}/gone.sqlite?key={WORD}",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return create_workspace(tmp_path_factory.mktemp("secrets") / "ws").root


def parsers() -> Any:
    """Return name → command, as Typer holds them."""
    return vars(TREE(app))["commands"]


def commands() -> list[str]:
    """Return the commands that take an address of the store."""
    riskmap("--version", "summary")  # each module adds its commands
    return sorted(
        name for name, one in parsers().items() if any("--store" in param.opts for param in one.params)
    )


def needed(name: str, root: Path) -> list[str]:
    """Return arguments that a command cannot do without, good enough to come to its store."""
    if name == "move":  # either a record and its step, or a file of both
        return ["risk_points", "1", "accept"]
    words: list[str] = []
    for param in parsers()[name].params:
        if not param.required:
            continue
        named = param.metavar or ""
        if named.islower():  # words of the command itself: layer new, layer template
            value = named.split("|")[0]
        else:
            file = str(root / "workspace.toml")
            value = file if "FILE" in named else "risk_points" if named == "LAYER" else "1"
        words += [value] if param.param_type_name == "argument" else [max(param.opts, key=len), value]
    return words


def test_there_are_commands_that_take_an_address():
    assert {"summary", "import", "export", "assess", "backup", "restore", "serve", "check", "init"} <= set(
        commands()
    )


@pytest.mark.parametrize("name", commands())
def test_no_command_repeats_the_password_of_an_address(name, root, tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    place = tmp_path / "new" if name == "init" else root
    for address in ADDRESSES[:3]:
        words = (
            [str(tmp_path / "new")] if name == "init" else [*needed(name, root), "--workspace", str(place)]
        )
        documents = any("--json" in param.opts for param in parsers()[name].params)
        for more in ([], ["--json"])[: 1 + documents]:
            ran = riskmap(name, *words, "--store", address, *more)
            assert ran.status == 2
            assert (
                "台账地址" in ran.err or name == "fire-weather"
            )  # which looks at its file before the ledger
            assert WORD not in ran.out + ran.err + caplog.text
    assert not [path for path in tmp_path.rglob("*") if WORD in path.name]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_spelling_of_an_address_comes_out_again(address, lang, root, tmp_path):
    environment = {
        **os.environ,
        "RISKMAP_STORE": address.format(tmp_path),
        "RISKMAP_LANG": lang,
        "RISKMAP_DEBUG": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "riskmap", "summary", "--json", "--workspace", root],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert WORD not in ran.stdout + ran.stderr
    assert ran.stderr.strip()
    with pytest.raises(LedgerError) as refused:
        library.open(root, store=address.format(tmp_path)).summary()
    told = [
        refused.value,
        refused.value.__cause__,
        refused.value.__context__ if refused.value.__cause__ else None,
    ]
    assert all(WORD not in f"{one} {one!r}" for one in told)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("store", "url", f'"postgresql://duty:{WORD}@db.invalid/risk"'),
        ("store", "url", f'"postgresql://db.invalid/risk?password={WORD}"'),
        ("store", "url", f'["postgresql://duty:{WORD}@db.invalid/risk"]'),
        ("outbox", "url", f'"https://me:{WORD}@hook.invalid/x"'),
    ],
)
def test_a_password_in_the_settings_is_refused_without_repeating_it(section, key, value, tmp_path):
    root = create_workspace(tmp_path / "ws").root
    settings = root / "workspace.toml"
    lines = [
        line for line in settings.read_text("utf-8").splitlines() if not line.startswith(("url =", "kind ="))
    ]
    at = lines.index(f"[{section}]") + 1
    lines[at:at] = [f"{key} = {value}", *(['kind = "webhook"'] if section == "outbox" else [])]
    settings.write_text("\n".join(lines), encoding="utf-8")
    for more in ([], ["--json"]):
        ran = riskmap("check", "--workspace", root, *more)
        assert ran.status == 2
        assert f"{section}.{key}" in ran.err
        assert WORD not in ran.out + ran.err


@pytest.mark.parametrize("address", ADDRESSES[:2])
def test_an_address_from_the_environment_is_in_no_file_of_the_workspace(address, root, monkeypatch):
    monkeypatch.setenv("RISKMAP_STORE", address)
    assert riskmap("backup", root / "data" / "backup", "--workspace", root).status == 2
    assert not [path for path in root.rglob("*") if path.is_file() and WORD.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("https://me:pw@h/x：没有", "https://***@h/x：没有"),
        ("a postgresql://u:p@w@h/db?sslmode=x b", "a postgresql://***@h/db?sslmode=x b"),
        ("https://h/robot?access_token=abc&x=1", "https://h/robot?access_token=***&x=1"),
        ("台风:橙色@桂园街道；https://h/a，见 b@c", "台风:橙色@桂园街道；https://h/a，见 b@c"),
        ("sqlite:///data/ledger.sqlite", "sqlite:///data/ledger.sqlite"),
    ],
)
def test_every_message_loses_what_signs_in_and_nothing_else(said, told):
    assert without_secrets(said) == told
    assert (RiskmapError(said, said).text("zh"), str(RiskmapError(said, ""))) == (told, told)
