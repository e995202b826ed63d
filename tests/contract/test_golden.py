"""Golden documents: every command and every exported file says what it said, but for what CHANGES.md states."""

from __future__ import annotations

import json

import pytest

from tests.golden.freezing import (  # fmt: skip
    FOLDER,
    differences,
    digest_of,
    folded,
    kept_files,
    settled,
    stated_changes,
    text_of,
    unstated,
)
from tests.golden.worlds import WORLDS, golden_documents

SHOWN = 40


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_every_document_is_as_it_was_kept(world):
    found = golden_documents(world)
    kept = {f.stem: json.loads(f.read_text(encoding="utf-8")) for f in (FOLDER / world).glob("*.json")}
    lines = list(differences(kept, found))
    assert not lines, "\n".join(
        [
            f"{world}: {len(lines)} differences from tests/golden; intended ones: make golden WHY=…",
            *lines[:SHOWN],
        ]
    )


def test_every_change_of_a_golden_file_is_stated_with_its_reason():
    missing = unstated(kept_files(), stated_changes())
    assert not missing, f"tests/golden/CHANGES.md does not name these: {missing}"


def test_a_changed_a_new_and_a_deleted_golden_file_must_be_stated():
    stated = {"a/1.json": "x", "a/2.json": "y", "a/4.json": "gone"}
    kept = {"a/1.json": "x", "a/2.json": "other", "a/3.json": "new"}
    assert unstated(kept, stated) == {"a/2.json": "other", "a/3.json": "new"}
    assert unstated({}, stated) == {"a/1.json": "gone", "a/2.json": "gone"}


def test_a_digest_is_that_of_the_values_not_of_their_order_or_layout():
    assert digest_of('{"a": 1, "b": [1.5]}') == digest_of('{\n"b": [1.5], "a": 1}')
    assert digest_of('{"a": 1}') != digest_of('{"a": 1.0}')


def test_a_difference_deep_in_a_long_list_is_found_though_the_list_is_kept_short(tmp_path):
    rows = [{"code": i, "score": i / 3} for i in range(100)]
    kept = folded(settled(rows, tmp_path), 10)
    rows[70] = {"code": 70, "score": 70 / 3 + 1e-12}  # another order of summing
    assert not list(differences(kept, folded(settled(rows, tmp_path), 10)))
    rows[70] = {"code": 70, "score": 23.334}
    assert len(list(differences(kept, folded(settled(rows, tmp_path), 10)))) == 1
    assert len(text_of(kept)) < 200


def test_a_lost_key_a_new_type_and_another_value_are_each_a_difference():
    kept = {"a": 1, "b": [1, 2], "c": None}
    assert list(differences(kept, {"a": 1.0, "b": [1, 3], "d": None})) == [
        "/a: 1 → 1.0", "/b/1: 2 → 3", "/c: only kept", "/d: only found",
    ]  # fmt: skip
