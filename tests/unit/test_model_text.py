"""Changing the numbers of a model file: nothing else of the text moves."""

from __future__ import annotations

import copy
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.catalog import defaults_dir
from riskmap.catalog.model_text import changed_text, editable_values, stated_version, with_version
from riskmap.catalog.toml_lines import value_spans
from riskmap.errors import CatalogError, RiskmapError, UnknownNameError

FILES = {p.name: p.read_text(encoding="utf-8") for p in sorted((defaults_dir() / "models").glob("*.toml"))}
ALL = [(name, path) for name, text in FILES.items() for path in editable_values(text)]

WEIRD = """# 表头
version = '1.0' # 版本
[limits] # 界限
major = { above = 3 }   # 三
large = 2.50# 紧挨
  general   =   1_000
[[indicators]]
id = "a"
table = { "is # so" = 1, 'b' = 2e0, "c\\"d" = 3 } # 表
curve = [ # 曲线
  [0, 1], # 一
  [1,
   -2.5],
]
[[combinations]]
id = "c"
matrix = [[1, 2], [3, 4,],]
note = \"\"\"
weights = [1]
\"\"\"
[[indicators]]
id = "b"
bands = [{ below = 0.5, value = 1, title = { zh = "] }", en = "x" } }, { value = 2 }]
[uncertainty]
weights = 0.1
[uncertainty.indicators."b"]
class_up=.1e0
"""
WEIRD = WEIRD.replace("class_up=.1e0", "class_up=1e-1")


def set_at(data, path, value):
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value


@settings(max_examples=40)
@given(st.sampled_from(ALL), st.floats(-1e9, 1e9) | st.integers(-10_000, 10_000))
def test_only_the_number_itself_is_written_anew(chosen, number):
    name, path = chosen
    text = FILES[name]
    one = editable_values(text)[path]
    value = "low" if one.kind == "floor" else int(number) if one.kind == "whole" else number
    new = changed_text(text, {path: value})
    expected = copy.deepcopy(tomllib.loads(text))
    set_at(expected, path, value)
    assert tomllib.loads(new) == expected
    start, end = value_spans(text)[path]
    assert new.startswith(text[:start])
    assert new.endswith(text[end:])
    assert changed_text(new, {path: one.value}, like=text) == text


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(list(editable_values(WEIRD))), st.floats(-1e6, 1e6), max_size=9))
def test_comments_and_odd_layout_stay_whatever_is_changed(changes):
    new = changed_text(WEIRD, changes)
    expected = tomllib.loads(WEIRD)
    for path, value in changes.items():
        set_at(expected, path, value)
    assert tomllib.loads(new) == expected
    for comment in ("# 表头", "# 版本", "# 界限", "# 三", "# 紧挨", "# 表", "# 曲线", "# 一"):
        assert comment in new
    assert changed_text(new, {path: editable_values(WEIRD)[path].value for path in changes}).count(
        "\n"
    ) == WEIRD.count("\n")


def test_what_a_form_may_change_is_found_wherever_it_stands():
    assert [".".join(map(str, path)) for path in editable_values(WEIRD)] == [
        "limits.major.above",
        "limits.large",
        "limits.general",
        "indicators.0.table.is # so",
        "indicators.0.table.b",
        'indicators.0.table.c"d',
        "indicators.0.curve.0.0",
        "indicators.0.curve.0.1",
        "indicators.0.curve.1.0",
        "indicators.0.curve.1.1",
        "indicators.1.bands.0.below",
        "indicators.1.bands.0.value",
        "indicators.1.bands.1.value",
        "combinations.0.matrix.0.0",
        "combinations.0.matrix.0.1",
        "combinations.0.matrix.1.0",
        "combinations.0.matrix.1.1",
        "uncertainty.weights",
        "uncertainty.indicators.b.class_up",
    ]


def test_whole_numbers_stay_whole_and_points_stay_points():
    text = "[limits]\nmajor = 320\nlarge = 160.0\ngeneral = 0.5\n"
    changed = changed_text(
        text, {("limits", "major"): 300.0, ("limits", "large"): 150, ("limits", "general"): 1}
    )
    assert changed == "[limits]\nmajor = 300\nlarge = 150.0\ngeneral = 1\n"
    assert "major = 0.1\n" in changed_text(text, {("limits", "major"): 0.1})
    assert changed_text(text, {("limits", "large"): 160}) == text


@pytest.mark.parametrize("path", [("version",), ("indicators", 0, "reference"), ("limits", "top"), ()])
def test_keys_that_no_form_may_change_are_refused(path):
    with pytest.raises(UnknownNameError):
        changed_text(FILES["slopes_matrix.toml"], {path: 1})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("limits", "major"), float("nan")),
        (("limits", "major"), float("inf")),
        (("limits", "major"), "20"),
        (("measures", 0, "valid_days"), 3.5),
        (("measures", 0, "floor"), "major"),
    ],
)
def test_values_that_cannot_stand_there_are_refused(path, value):
    with pytest.raises(RiskmapError):
        changed_text(FILES["slopes_matrix.toml"], {path: value})


def test_a_text_that_is_no_toml_is_refused_with_its_line():
    with pytest.raises(CatalogError) as told:
        changed_text("a = 1\nb = [", {})
    assert told.value.problems[0].line == 2


def test_a_version_is_changed_in_its_place():
    assert with_version(WEIRD, '2"') == WEIRD.replace("'1.0'", '"2\\""')
    assert stated_version(with_version(WEIRD, '2"')) == '2"'
    assert with_version(WEIRD, "1.0") == WEIRD
    assert stated_version("version = 1") == stated_version("version = ") == ""
    with pytest.raises(CatalogError):
        with_version("a = 1", "2")
