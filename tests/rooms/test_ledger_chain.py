"""The chain of digests: what is altered behind the ledger's back shows, and old links stay valid."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import sqlite3

import pytest

from riskmap.ledger import Ledger, Scored, chain
from riskmap.values.scenario import NewEvent
from tests.ledger_files import LAYER, WHO, Clock, assessment, bring, judged, leader, point, rejected
from tests.rooms.test_ledger_schema import old  # noqa: F401 - ledgers of every released schema

FORBIDDING = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    with Ledger.create(f"sqlite:///{path}", clock=Clock()) as opened:
        yield opened


@pytest.fixture
def lived(ledger):
    """A ledger in which a little of everything has happened."""
    bring(ledger, [point("A", contacts=(leader(),)), point("B")], bad=[rejected("C", "坏")])
    ledger.edit(LAYER, "A", seen=1, changes=judged({"likelihood": 6}), **WHO)
    found = ledger.features(LAYER)
    ledger.save_assessments([Scored(assessment(found, [4, 2]), found.feature_id, found.version, "")], **WHO)
    at = dt.datetime(2024, 5, 2, tzinfo=dt.UTC)
    ledger.open_scenario(title="台风", drill=False, body={}, at=at, escalations=(), **WHO)
    ledger.add_events(1, [NewEvent(at, "message", body={"text": "一"})], **WHO)
    return ledger


def forced(path, *statements):
    """Write behind the ledger's back, past its triggers."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for (name,) in raw.execute(FORBIDDING).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert raw.execute(statement).rowcount > 0, statement


def test_every_changeset_and_every_event_moves_the_head_and_reading_and_exporting_do_not(lived):
    heads = [lived.head()]
    assert lived.check() == []
    lived.features(LAYER)
    lived.record_export(by="甲", why="上报", what="x", unmasked=True)
    assert lived.head() == heads[0]
    lived.add_events(1, [NewEvent(dt.datetime(2024, 5, 3, tzinfo=dt.UTC), "message", body={})], **WHO)
    heads.append(lived.head())
    lived.edit(LAYER, "B", seen=1, changes=judged({"likelihood": 1}), **WHO)
    heads.append(lived.head())
    assert len({head.digest for head in heads}) == 3
    assert lived.check() == []
    assert lived.head(state=2).changeset == 2
    assert lived.head(state=lived.state) == heads[-1]


@pytest.mark.parametrize(
    "lie",
    [
        "UPDATE changeset SET who = '别人' WHERE id = 2",
        "UPDATE changeset SET at = '2024-01-01T00:00:00.000000+00:00' WHERE id = 2",
        "UPDATE revision SET body = '{}' WHERE version = 2",
        "UPDATE revision SET lon = lon + 0.001 WHERE version = 1",
        "UPDATE contact_set SET people = '[]'",
        "UPDATE import_batch SET file = '别的.xlsx'",
        "UPDATE rejected_row SET cells = '[]'",
        "UPDATE assessment SET rank = 1 WHERE rank = 4",
        "UPDATE model_text SET text = text || ' '",
        "UPDATE run_layer SET assessed = assessed + 1",
        "UPDATE scenario SET title = '演习'",
        "UPDATE event SET who = '别人'",
        "UPDATE event SET recorded = at",
        "UPDATE chain_link SET digest = '00' WHERE id = 2",
        "DELETE FROM chain_link WHERE id = 2",
        "DELETE FROM chain_link WHERE id = (SELECT max(id) FROM chain_link)",
        "DELETE FROM event",
    ],
)
def test_what_is_altered_past_the_triggers_is_found(lived, path, lie):
    assert lived.check() == []
    forced(path, lie)
    assert any("chain" in line for line in lived.check()), lie


def test_an_old_ledger_gets_a_link_for_each_changeset_it_had(old):  # noqa: F811
    with contextlib.closing(sqlite3.connect(old)) as raw:
        numbers = [row[0] for row in raw.execute("SELECT id FROM changeset ORDER BY id")]
    with Ledger.open(f"sqlite:///{old}", clock=Clock()) as ledger:
        assert ledger.check() == []
        assert ledger.head().changeset == numbers[-1]
    with contextlib.closing(sqlite3.connect(old)) as raw:
        assert [row[0] for row in raw.execute("SELECT changeset_id FROM chain_link ORDER BY id")] == numbers


@pytest.mark.parametrize("version", [2, 3])
def test_a_link_can_be_computed_by_another_hand_from_what_is_written_of_it(
    ledger, path, version, monkeypatch
):
    monkeypatch.setattr(chain, "VERSION", version)
    monkeypatch.setattr(chain, "_FETCHED", 2)  # what is fetched at once leaves no trace
    bring(ledger, [point(code) for code in "ABCDE"])
    ledger.close()

    def digest_of(value):
        return hashlib.sha256(value).hexdigest()

    with contextlib.closing(sqlite3.connect(path)) as raw:

        def rows(query):
            return [
                json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=digest_of)
                for row in raw.execute(query)
            ]

        told = {
            "changeset": rows("SELECT id, at, who, why, kind, counts, undoes FROM changeset"),
            "revision": rows(
                "SELECT valid_from, r.id, layer, code, r.version, op, r.retired, name, r.subdistrict, lon, lat, CAST(body AS BLOB), checklist, "
                "shape_at, contacts_at, contact_count, NULL, NULL, state, due, happened FROM revision r JOIN feature f ON f.id = r.feature_id"
            ),
            "import_batch": rows(
                "SELECT changeset_id, id, layer, file, digest, datum, rows, inserted, updated, unchanged, held, rejected, "
                "skipped_non_data, from_batch, streets FROM import_batch"
            ),
        }
        (digest,) = raw.execute("SELECT digest FROM chain_link").fetchone()
    parts = [*chain._CHANGESETS[version], *chain._EVENTS[version]]
    text = f"riskmap ledger chain {version}\n" + "".join(part.line for part in parts) + "previous none\n"
    for table, lines in told.items():
        text += f"= {table}\n" + ("\n".join(lines) if version == 2 else f"[{','.join(lines)}]") + "\n"
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_links_of_an_earlier_version_stay_valid_under_a_later_one(lived, monkeypatch):
    before, later = lived.head(), chain.VERSION + 1
    part = chain._Part("export_log", "who", "id", "id")
    monkeypatch.setattr(
        chain, "_CHANGESETS", {**chain._CHANGESETS, later: (*chain._CHANGESETS[chain.VERSION], part)}
    )
    monkeypatch.setattr(chain, "_EVENTS", {**chain._EVENTS, later: chain._EVENTS[chain.VERSION]})
    monkeypatch.setattr(chain, "VERSION", later)
    lived.edit(LAYER, "B", seen=1, changes=judged({"likelihood": 1}), **WHO)
    assert lived.check() == []
    assert (before.version, lived.head().version) == (later - 1, later)
    monkeypatch.undo()
    assert any(f"version {later}" in line for line in lived.check())
