"""The documents as documents: one language each, nothing named that is not there, floors and rooms as they are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "riskmap"
# Who uses riskmap reads Chinese, under an English summary; who writes files or programs reads English.
CHINESE = [
    "README.md",
    *(
        f"docs/{n}.md"
        for n in (
            "attachments",
            "backup",
            "duty",
            "editing",
            "evacuation",
            "figures",
            "fire",
            "formulas",
            "forms",
            "mechanisms",
            "maps",
            "prepare",
            "readings",
            "checking",
            "scale",
            "terrain",
        )
    ),
]
ENGLISH = [
    "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
    *(f"docs/{name}.md" for name in ("api", "architecture", "hacks", "layers", "models", "performance", "susceptibility", "wind")),
]  # fmt: skip
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
HAN = re.compile("[\u4e00-\u9fff]")
SUMMARY = "*English summary.*"


def prose(name):
    """Return the paragraphs of a page, without its code, links and pictures."""
    text = re.sub(
        r"^```.*?^```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    text = re.sub(r"`[^`]*`|!?\[[^\]]*\]\([^)]*\)", "", text)
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def test_every_page_has_its_language():
    named = {ROOT / name for name in (*CHINESE, *ENGLISH)}
    assert named == {page for page in PAGES if page.parent.name != "decisions"}


@pytest.mark.parametrize("name", CHINESE)
def test_a_page_for_users_is_chinese_under_an_english_summary(name):
    title, *parts = prose(name)
    summary = next(at for at, part in enumerate(parts) if part.startswith(SUMMARY))
    assert summary <= 1
    assert HAN.search(title)
    for part in parts:
        han, words = len(HAN.findall(part)), len(re.findall(r"[A-Za-z]{2,}", part))
        if part.startswith((SUMMARY, "*The ")):
            assert words > han
        elif words > 12:
            assert han > words / 2, part[:80]


@pytest.mark.parametrize("name", ENGLISH)
def test_a_page_for_developers_is_english(name):
    for part in prose(name):
        han, words = len(HAN.findall(part)), len(re.findall(r"[A-Za-z]{2,}", part))
        assert han <= 2 + words / 4, part[:80]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_files_that_are_there(page):
    text = page.read_text(encoding="utf-8")
    rooms = "|".join(sorted(path.name for path in PACKAGE.iterdir() if path.is_dir()))
    for named in re.findall(rf"`((?:riskmap|tests|docs|benchmarks|{rooms})/[\w./*-]+)`", text):
        assert list(ROOT.glob(named)) or list(PACKAGE.glob(named)), named
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / link).exists(), link


def floors():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]
    return [[room.strip().removeprefix("riskmap.") for room in row.split("|")] for row in contract["layers"]]


def test_the_floors_of_the_page_are_those_that_the_linter_holds():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d \w+ \| (.*?) \|", text, re.MULTILINE)
    told = [re.findall(r"`(\w+)`", side) for row in rows for side in row.split(",")]
    assert [sorted(row) for row in told] == [sorted(row) for row in floors()]


def test_the_map_of_the_house_has_every_room_and_module_of_the_ground():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for room in (room for row in floors() for room in row):
        assert f"`riskmap/{room}/" in text or f"`riskmap/{room}.py`" in text, room


def test_the_formulas_stand_where_their_page_says():
    module = ""
    for row in (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8").splitlines():
        if row.startswith("| ") and "`" in row:
            module = (re.findall(r"^\| `(\w+)`", row) or [module])[0]
            source = (PACKAGE / "formulas" / f"{module}.py").read_text(encoding="utf-8")
            assert all(f"def {name}(" in source for name in re.findall(r"`(\w+)`", row.split("|")[2])), row


def test_the_change_log_names_this_version_and_its_tag():
    import riskmap

    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    first = next(heading for heading in headings if heading != "Unreleased")
    assert first == f"{riskmap.__version__} (tag `v{riskmap.__version__}`)"
