"""One dirty cell through every door: files as they are read, the form's action, an edit of a frame, a score."""

# ruff: noqa: PD011 - `values` are those of what was judged

from __future__ import annotations

import csv
import itertools
import warnings

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Point

import riskmap
from riskmap import frames
from riskmap.actions.records.editing import create_point, edit_point
from riskmap.errors import RefusedError, RiskmapError, Text
from riskmap.io.tables import read_file
from riskmap.rules.judge import placed, rules_of
from riskmap.values.records import CLEAR, Contact
from tests.intake_files import workbook
from tests.ledger_files import ACTS
from tests.rooms.test_rules_judge import DIRTY, LAYERS, TARGETS

WHO = {"by": "王五", "why": "测试"}
HERE = Point(114.1, 22.5)
PIECES = {"name": "name", "phone": "phone", "post": "post", "verified": "verified_on"}
# A file cannot hold every character, a workbook rewrites line breaks, and a mask is judged against the ledger.
TEXTS = st.one_of(
    st.sampled_from([text for text in DIRTY if not {"\r", "*"} & {*text}]),
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="*"), max_size=8),
)
GENTLY = settings(
    max_examples=5,
    suppress_health_check=list(HealthCheck),
)


def dirt(*, of):
    """Return dirty cells of one layer: (layer, [(target, text)]); a date alone names no contact."""

    def cells(layer):
        targets = [
            target
            for one, target in TARGETS
            if one.id == layer
            and not target.endswith(":verified")
            and (":" not in target or target.split(":")[0] in of)
        ]
        return st.lists(st.tuples(st.sampled_from(targets), TEXTS), min_size=8, max_size=24)

    layers = st.sampled_from(["slopes", "underground_spaces"])
    return layers.flatmap(lambda layer: st.tuples(st.just(layer), cells(layer)))


@pytest.fixture(scope="module")
def d(tmp_path_factory):
    with riskmap.create(tmp_path_factory.mktemp("doors") / "ws") as district:
        yield district


def held(records, at, layer, target):
    """Return what a row of records holds of a target."""
    match target.split(":"):
        case ["checklist", item]:
            marks = records.checklist[at] if records.checklist else None
            return marks[[i.id for i in layer.checklist.items].index(item)] if marks else None
        case ["contact", role, piece]:
            people = records.contacts[at] if records.contacts else None
            of = {person.role: person for person in people or ()}
            part = getattr(of.get(role, Contact(role)), PIECES[piece])
            return CLEAR if part == CLEAR.value else part
        case [name] if name in {"name", "subdistrict"}:
            return getattr(records, name)[at]
    column = records.values.get(target)
    return column[at] if column else None


_NUMBER = itertools.count()


def new_record(d, layer):
    """Add a record that states nothing, and return its code."""
    code = f"乙{next(_NUMBER)}"
    create_point(d._ws, layer.id, code, values={}, **ACTS)
    return code


def now(d, layer, code, target):
    records = d._ws.ledger.features(layer.id, codes=[code], contacts=True).records
    return held(records, 0, layer, target)


def as_the_form_states(layer, target, text):
    match target.split(":"):
        case ["checklist", item]:
            return {"checklist": tuple(text if i.id == item else None for i in layer.checklist.items)}
        case ["contact", role, piece]:
            return {"contacts": (Contact(role, **{PIECES[piece]: text}),)}
    return {target: text}


def as_frame(cells):
    """Return code → (target, text) as a frame with a column for every target."""
    columns = dict.fromkeys(target for target, _ in cells.values())
    rows = [[text if target == one else None for one in columns] for target, text in cells.values()]
    names = [c.replace("checklist:", "checklist.") for c in columns]
    return pd.DataFrame(rows, columns=names, index=list(cells), dtype=object)


def said_of(layer, code, target, finding):
    return placed(layer, code, rules_of(layer).title(target), finding)


def written(path, heads, rows, places=None):
    """Write a table as a file of any kind; `places` are the points of a GeoPackage."""
    match path.suffix:
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([heads, *rows])
        case ".xlsx":
            workbook(path, {"a": [heads, *rows]})
        case _:
            path.unlink(missing_ok=True)
            frame = pd.DataFrame(rows, columns=heads, dtype=object)
            gpd.GeoDataFrame(frame, geometry=places or [HERE] * len(rows), crs=4490).to_file(path)
    return path


def read(path, layer):
    """Return what a file's reader made of it, and its issues by code and field."""
    intake = read_file(path, layer, datum=None if path.suffix == ".gpkg" else "cgcs2000")
    issues = [*intake.issues, *(issue for row in intake.rejected for issue in row.issues)]
    return intake.records, {(one.code, one.field): one for one in issues}


def judged_cells(layer, cells):
    """Yield a code of its own for every cell, with its target, its text and the judge's verdict."""
    for n, (target, text) in enumerate(cells):
        yield f"甲{n}", target, text, rules_of(layer).of(target).value(text)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "gpkg"])
@GENTLY
@given(dirt(of=("checklist", "contact")))
def test_a_file_says_what_the_judge_says(tmp_path, ending, dirt):
    layer, cells = LAYERS[dirt[0]], dirt[1]
    targets = list(dict.fromkeys(target for target, _ in cells))
    heads = ["编号", *(rules_of(layer).title(target).zh.replace(" · ", "") for target in targets)]
    rows = [
        [code, *(text if target == one else None for one in targets)]
        for code, target, text, _ in judged_cells(layer, cells)
    ]
    records, said = read(written(tmp_path / f"a.{ending}", heads, rows), layer)
    for code, target, text, (value, finding) in judged_cells(layer, cells):
        issue = said.get((code, target))
        assert (issue and (issue.rule, issue.severity)) == (finding and finding[:2]), (target, text)
        if finding is not None:
            assert issue.message.zh.endswith(finding.message.zh)
        if finding is None or finding.severity == "warning":
            assert held(records, records.code.index(code), layer, target) == value, (target, text)
        else:
            assert code not in records.code


@GENTLY
@given(dirt(of=("checklist", "contact")))
def test_the_action_of_the_form_says_what_the_judge_says(d, dirt):
    """One record for every cell; what is refused leaves it as it was."""
    layer, cells = LAYERS[dirt[0]], dirt[1]
    for target, text in cells:
        value, finding = rules_of(layer).of(target).value(text)
        code, changes = new_record(d, layer), as_the_form_states(layer, target, text)
        state = d._ws.ledger.state
        if finding is not None and finding.severity == "error":
            with pytest.raises(RefusedError) as refused:
                edit_point(d._ws, layer.id, code, seen=1, changes=changes, **ACTS)
            assert refused.value.refusals == (said_of(layer, code, target, finding),)
            assert d._ws.ledger.state == state
            continue
        done = edit_point(d._ws, layer.id, code, seen=1, changes=changes, **ACTS)
        assert done.warnings == (() if finding is None else (said_of(layer, code, target, finding),))
        assert now(d, layer, code, target) == (None if value is CLEAR else value)


@GENTLY
@given(dirt(of=("checklist",)))
def test_an_edited_frame_says_what_the_judge_says(d, dirt):
    layer, cells = LAYERS[dirt[0]], dirt[1]
    by_code = {new_record(d, layer): cell for cell in cells}
    refused, kept = [], {}
    for code, (target, text) in by_code.items():
        value, finding = rules_of(layer).of(target).value(text)
        if finding is not None and finding.severity == "error":
            refused.append(said_of(layer, code, target, finding))
        else:
            kept[code] = (target, text, value, finding)
    state = d._ws.ledger.state
    if refused:
        with pytest.raises(RefusedError) as error:
            d[layer.id].edit(as_frame(by_code), **WHO)
        assert set(error.value.refusals) == set(refused)
        assert d._ws.ledger.state == state
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        d[layer.id].edit(as_frame({code: cell[:2] for code, cell in kept.items()}), **WHO)
    listed = [said_of(layer, code, t, f) for code, (t, _, _, f) in kept.items() if f]
    assert [str(one.message) for one in heard] == ([str(Text.listed(listed))] if listed else [])
    for code, (target, text, value, _) in kept.items():
        assert now(d, layer, code, target) == (None if value is CLEAR else value), (target, text)


@GENTLY
@given(dirt(of=("checklist",)))
def test_a_score_without_a_ledger_says_what_the_judge_says(dirt):
    layer, cells = LAYERS[dirt[0]], dirt[1]
    frame = as_frame({code: (target, text) for code, target, text, _ in judged_cells(layer, cells)})
    table, said = frames.judged_table(frame.drop(columns=["name", "subdistrict"], errors="ignore"), layer)
    wanted = []
    for n, (code, target, text, (value, finding)) in enumerate(judged_cells(layer, cells)):
        if target in {"name", "subdistrict"}:
            continue
        wanted += [] if finding is None else [said_of(layer, code, target, finding)]
        column = "checklist" if ":" in target else target
        got = table[column][n].as_py()
        if column == "checklist":
            got = got[[item.id for item in layer.checklist.items].index(target.split(":")[1])]
        assert got == (None if value is CLEAR else value), (target, text)
    assert set(said) == set(wanted)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "gpkg"])
@GENTLY
@given(codes=st.lists(TEXTS, min_size=5, max_size=20, unique=True))
def test_a_code_is_judged_alike_in_a_file_and_by_hand(d, tmp_path, ending, codes):
    layer = LAYERS["slopes"]
    rows = [[code, f"名{n}"] for n, code in enumerate(codes)]
    records, _ = read(written(tmp_path / f"c.{ending}", ["编号", "名称"], rows), layer)
    for n, stated in enumerate(codes):
        value, _ = rules_of(layer).of("code").value(stated)
        if isinstance(value, str):
            assert value in records.code
        else:
            assert f"名{n}" not in records.name
            with pytest.raises(RiskmapError):
                create_point(d._ws, "slopes", stated, values={}, **ACTS)


PLACES = st.lists(
    st.tuples(
        st.sampled_from([114.1, 22.5, 0.0, -114.1, 200.0, 116.4, 1e9, 38512225.9, 2500000.0]),
        st.sampled_from([22.5, 114.1, 0.0, -22.5, 95.0, 39.9, 1e9, 512225.9]),
    ),
    min_size=3,
    max_size=20,
)


@GENTLY
@given(PLACES)
def test_a_position_is_judged_alike_from_every_door(d, tmp_path, places):
    layer = LAYERS["slopes"]
    codes = [f"甲{n}" for n in range(len(places))]
    texts = [[code, repr(x), repr(y)] for code, (x, y) in zip(codes, places, strict=True)]
    points = [Point(x, y) for x, y in places]
    files = {
        "csv": read(written(tmp_path / "p.csv", ["编号", "经度", "纬度"], texts), layer),
        "xlsx": read(
            written(
                tmp_path / "p.xlsx",
                ["编号", "经度", "纬度"],
                [[c, *p] for c, p in zip(codes, places, strict=True)],
            ),
            layer,
        ),
        "gpkg": read(written(tmp_path / "p.gpkg", ["编号"], [[code] for code in codes], points), layer),
    }
    for code, place in zip(codes, places, strict=True):
        value, findings = rules_of(layer).position(*place)
        for door, (records, said) in files.items():
            heard = {(i.rule, i.severity) for (c, f), i in said.items() if c == code and f == "position"}
            assert heard == {f[:2] for f in findings}, (door, place)
            if all(f.severity == "warning" for f in findings):
                at = records.code.index(code)
                assert (records.lon[at], records.lat[at]) == value, (door, place)
        edited = gpd.GeoDataFrame(geometry=[Point(place)], index=[new_record(d, layer)], crs=4490)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            if any(f.severity == "error" for f in findings):
                with pytest.raises(RefusedError, match="位置"):
                    d["slopes"].edit(edited, **WHO)
                continue
            d["slopes"].edit(edited, **WHO)
        assert len(heard) == bool(findings)
        records = d._ws.ledger.features("slopes", codes=list(edited.index)).records
        assert (records.lon[0], records.lat[0]) == value
