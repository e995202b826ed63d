"""Every mistake of a configuration file at once: place, find, remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.problems import TomlFile, closest, read_text
from riskmap.catalog.toml_lines import key_lines
from riskmap.errors import CatalogError, CatalogProblem

BAD = """\
id = "../evil"
title = { zh = "边坡", en = "Slopes" }
geometry = "points"
model = "m"
paint = "red"

[style]
symbol = "triangl"

[aliases]
cod = ["边坡编号"]

[[fields]]
id = "height"
title = { zh = "坡高" }
type = "nnumberr"

[[fields]]
id = "angle"
title = { zh = "坡度", en = "Angle" }
type = "number"
min = 90
max = 0
aliases = [
  "坡角",
  3,
]

[[fields]]
id = "angle"
title = { zh = "角度", en = "Angle 2" }
type = "number"
min = "0"
aliases = ["陡缓"]
choices = [
  { id = "a", title = { zh = "甲", en = "A" } },
  { id = "b", title = { zh = "乙", en = "B" }, alias = ["丙"] },
]

[[fields]]
id = "steepness"
title = { zh = "陡缓", en = "Steepness" }
type = "choice"
choices = [
  { id = "steep", title = { zh = "陡", en = "Steep" }, aliases = ["甲"] },
  { id = "flat", title = { zh = "缓", en = "Flat" }, aliases = ["甲"] },
]
"""


def problems(text: str, file: str = "layers/x.toml") -> tuple[CatalogProblem, ...]:
    with pytest.raises(CatalogError) as caught:
        read_layer(text, file)
    return caught.value.problems


def by_key(text: str) -> dict[str, CatalogProblem]:
    return {p.key: p for p in problems(text)}


def test_every_mistake_of_a_file_is_reported_at_once_with_its_line():
    lines = BAD.splitlines()
    found = {(p.line, p.key) for p in problems(BAD)}
    expected = {
        (1, "id"),
        (3, "geometry"),
        (5, "paint"),
        (8, "style.symbol"),
        (11, "aliases.cod"),
        (15, "fields[height].title.en"),
        (16, "fields[height].type"),
        (22, "fields[angle].min"),
        (26, "fields[angle].aliases[2]"),
        (30, "fields[angle].id"),
        (33, "fields[angle].min"),
        (35, "fields[angle].choices"),
        (37, "fields[angle].choices[b].alias"),
        (42, "fields[steepness].title.zh"),
        (46, "fields[steepness].choices[flat].aliases[1]"),
    }
    assert lines[10].startswith("cod ")
    assert found == expected


def test_a_near_word_is_suggested():
    found = by_key(BAD)
    assert found["geometry"].hint == "point"
    assert found["style.symbol"].hint == "triangle"
    assert found["aliases.cod"].hint == "code"
    assert found["fields[height].type"].hint == "number"
    assert found["fields[angle].choices[b].alias"].hint == "aliases"


def test_messages_name_place_find_and_remedy_in_both_languages_without_links():
    for problem in problems(BAD):
        for lang in ("zh", "en"):
            text = problem.text(lang)
            assert text.startswith("layers/x.toml:")
            assert "pydantic" not in text
            assert "http" not in text
        assert problem.expected.zh != problem.expected.en or problem.expected.en.isascii()


def test_an_id_that_would_leave_its_folder_is_refused():
    good = 'title = { zh = "甲", en = "A" }\ngeometry = "point"\nmodel = "m"\n'
    for bad in ("../evil", "a/b", "A", "1a", "", "a b", "a\\nb", "边坡", "a" * 64, "con", "nul", "com1"):
        assert "id" in {p.key for p in problems(f'id = "{bad}"\n{good}')}, bad
    assert read_layer(f'id = "a_1"\n{good}', "x").id == "a_1"


def test_a_field_cannot_take_a_name_that_riskmap_uses():
    head = 'id = "a"\ntitle = { zh = "甲", en = "A" }\ngeometry = "point"\nmodel = "m"\n[[fields]]\n'
    for name in ("code", "tier", "score", "lon", "version"):
        text = f'{head}id = "{name}"\ntitle = {{ zh = "乙", en = "B" }}\ntype = "text"\n'
        assert "id" in {p.key.rpartition(".")[2] for p in problems(text)}, name


def test_a_header_for_two_targets_is_refused_after_normalisation():
    text = """\
id = "a"
title = { zh = "甲", en = "A" }
geometry = "point"
model = "m"

[[fields]]
id = "one"
title = { zh = "面积", en = "One" }
type = "text"

[checklist]
title = { zh = "清单", en = "List" }
items = [ { id = "i", title = { zh = "有", en = "Has" }, aliases = ["面 积"] } ]

[[contacts]]
id = "keeper"
title = { zh = "站长", en = "Keeper" }
phone = ["ＯＮＥ"]
"""
    found = by_key(text)
    assert found["checklist.items[i].aliases[1]"].line == 13
    assert "one" in found["checklist.items[i].aliases[1]"].expected.en
    assert found["contacts[keeper].phone[1]"].line == 18


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ('id = "a"\ntitle = 边坡\n', 2, "引号"),
        ('id = "a"\ntitle = “边坡”\n', 2, "引号"),
        ('id = "a"\nid = "b"\n', 2, "重复"),
        ('id = "a\n', 1, "引号"),
        ("[[fields]]\n标题 = 1\n", 2, "="),
        ("x = [1, 2\n", 1, ""),
    ],
)
def test_what_is_not_toml_is_one_problem_at_its_line(text: str, line: int, word: str):
    (problem,) = problems(text)
    assert problem.line is not None
    assert abs(problem.line - line) <= 1
    assert word in problem.expected.zh


def test_full_width_punctuation_is_shown_as_it_should_be():
    (problem,) = problems('id = "a"\ntitle = { zh = “边坡”， en = "x" }\n')
    assert problem.hint == 'title = { zh = "边坡", en = "x" }'


def test_a_file_in_another_encoding_is_a_problem_and_a_byte_order_mark_is_not(tmp_path: Path):
    path = tmp_path / "x.toml"
    path.write_bytes('id = "a"\ntitle = "边坡"\n'.encode("gb18030"))
    with pytest.raises(CatalogError) as caught:
        read_text(path, "layers/x.toml")
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert "UTF-8" in problem.text("zh")
    path.write_bytes('id = "甲"\r\n'.encode("utf-8-sig"))
    assert read_text(path, "x") == 'id = "甲"\r\n'
    with pytest.raises(CatalogError):
        read_text(tmp_path / "absent.toml", "layers/absent.toml")


def test_deep_nesting_is_refused_and_does_not_crash():
    (problem,) = problems("x = " + "[" * 20000 + "]" * 20000)
    assert problem.key == "TOML"


def test_lines_are_found_through_every_way_to_write_a_key():
    text = (
        '''\
# comment [not a table]
a.b = 1
"quoted key" = """
[[x]]
y = 2
"""
list = [
  # comment ] }
  "one", # two
  { p = 1, q.r = [1, 2] },
]
[t.u]
v = 'it''
'''.replace("'it''", "'it]'")
        + """\
[[t.w]]
x = 1979-05-27T07:32:00Z
[[t.w]]
x = '''
z = 1
'''
[t.w.inner]
k = "\\"#\\\\"
  [[t.w.deep]]
  n = -1.5e3
"""
    )
    tomllib.loads(text)
    lines = key_lines(text)
    assert lines["a", "b"] == 2
    assert lines[("quoted key",)] == 3
    assert lines["list", 0] == 9
    assert lines["list", 1, "q", "r", 1] == 10
    assert lines["t", "u", "v"] == 13
    assert lines["t", "w", 0, "x"] == 15
    assert lines["t", "w", 1, "x"] == 17
    assert lines["t", "w", 1, "inner", "k"] == 21
    assert lines["t", "w", 1, "deep", 0, "n"] == 23


@given(st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), st.text(max_size=8), max_size=6))
def test_every_key_has_the_line_it_stands_on(values: dict[str, str]):
    def quoted(text: str) -> str:
        return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'

    text = "".join(f"{key} = {quoted(value)}\n\n" for key, value in values.items())
    source = TomlFile.parse(text, "x")
    assert source.data == values
    assert [source.line((key,)) for key in values] == [1 + 2 * i for i in range(len(values))]


ODD = st.sampled_from(
    [
        '"x"',
        '""',
        "3",
        "-1.5",
        "nan",
        "inf",
        "true",
        "[]",
        "{}",
        "[1]",
        '["a", "a"]',
        "[{}]",
        '{ id = "a" }',
        "1979-05-27",
        "[{ id = [], title = 3 }]",
    ]
)
KEYS = st.sampled_from(
    [
        "id",
        "title",
        "geometry",
        "model",
        "stale_after_days",
        "source",
        "style",
        "aliases",
        "fields",
        "checklist",
        "contacts",
        "type",
        "unit",
        "min",
        "max",
        "standard_values",
        "choices",
        "open",
        "personal",
        "help",
        "items",
        "name",
        "phone",
        "zh",
        "symbol",
    ]
)


@given(
    top=st.dictionaries(KEYS, ODD, max_size=8),
    field=st.dictionaries(KEYS, ODD, max_size=8),
    more=st.booleans(),
)
def test_whatever_a_file_holds_it_loads_or_is_refused_with_problems(top: dict, field: dict, more: bool):
    good = (
        {"id": '"a"', "title": '{ zh = "甲", en = "A" }', "geometry": '"point"', "model": '"m"'}
        if more
        else {}
    )
    top = {k: v for k, v in (good | top).items() if not (field and k == "fields")}
    text = "".join(f"{k} = {v}\n" for k, v in top.items())
    text += "[[fields]]\n" + "".join(f"{k} = {v}\n" for k, v in field.items()) if field else ""
    found: tuple[CatalogProblem, ...] = ()
    try:
        layer = read_layer(text, "x")
    except CatalogError as error:
        layer, found = None, error.problems
    assert (layer is None) == bool(found)
    assert all(p.text("zh") and p.text("en") for p in found)


def test_a_word_far_from_every_known_one_gets_no_suggestion():
    assert closest("xyzzy", ["circle", "square"]) == ""
    assert closest("circel", ["circle", "square"]) == "circle"


def test_a_list_whose_only_item_is_wrong_is_not_called_empty():
    text = BAD + '\n[checklist]\ntitle = { zh = "清单", en = "List" }\nitems = [{ id = "Bad id" }]\n'
    keys = [p.key for p in problems(text)]
    assert "checklist.items[Bad id].id" in keys
    assert "checklist.items" not in keys


def test_a_file_writes_the_key_and_not_the_name_that_the_program_has_for_it():
    text = BAD.replace("min = 90", "minimum = 90")
    found = by_key(text)["fields[angle].minimum"]
    assert (found.found, found.hint) == ("minimum", "min")
