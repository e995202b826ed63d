"""Fields of files in a layer's file: what may stand there, and that they are no columns."""

from __future__ import annotations

import pytest

from riskmap.catalog.layer_file import read_layer, read_table
from riskmap.errors import CatalogError
from riskmap.io.tables.headers import HeaderDictionary
from riskmap.rules.judge import rules_of

HEAD = 'id = "walls"\ntitle = { zh = "围墙", en = "Walls" }\ngeometry = "point"\n'
PHOTOS = '[[fields]]\nid = "photos"\ntitle = { zh = "照片", en = "Photos" }\ntype = "file"\n'


def lines_of(text: str, key: str) -> list[tuple[int | None, str]]:
    """Return line and key of every mistake of a layer file that names the key."""
    with pytest.raises(CatalogError) as refused:
        read_layer(text, "layers/walls.toml")
    return [(one.line, one.place) for one in refused.value.problems if key in one.place]


def test_a_field_of_files_is_no_column_of_its_layer():
    layer = read_layer(HEAD + PHOTOS + 'several = true\nmedia = ["image", "pdf"]\n', "walls.toml")
    assert "photos" not in layer.field_ids
    assert [one.id for one in layer.files] == ["photos"]
    photos = layer.file_field("photos")
    assert photos is not None
    assert photos.several
    assert photos.media == ("image", "pdf")


def test_a_column_under_its_title_is_read_into_nothing_and_has_a_name():
    layer = read_layer(HEAD + PHOTOS, "walls.toml")
    target, _, _ = HeaderDictionary(layer).look_up("照片")
    assert target == "file:photos"
    assert rules_of(layer).title("file:photos").zh == "照片"


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        (HEAD + PHOTOS + 'media = ["image", "video"]\n', "media", 8),
        (HEAD + PHOTOS + "min = 3\n", "min", 8),
        (HEAD + PHOTOS + "personal = true\n", "personal", 8),
        (HEAD + PHOTOS + 'choices = [{ id = "a", title = { zh = "甲", en = "A" } }]\n', "choices", 8),
        (HEAD + PHOTOS.replace('"file"', '"text"') + 'media = ["image"]\n', "media", 8),
        (HEAD + PHOTOS.replace('"file"', '"date"') + "several = true\n", "several", 8),
        (HEAD + "files = []\n", "files", 4),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, key: str, line: int):
    assert [found for found, _ in lines_of(text, key)] == [line]


def test_nothing_is_attached_to_the_rows_of_a_table():
    head = HEAD.replace('geometry = "point"', 'geometry = "none"\ntable = true')
    with pytest.raises(CatalogError) as refused:
        read_table(head + PHOTOS, "walls.toml")
    assert [one.line for one in refused.value.problems] == [8]
