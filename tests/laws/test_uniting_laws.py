"""Whatever is merged and split: an undo is as if it had not been, no link dangles, and nothing names what is gone."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from riskmap.catalog.layer import BelongsTo, Checklist, ChecklistItem, Choice, ContactRole, Field, Layer
from riskmap.errors import LedgerError, Text
from riskmap.ledger import Ledger, NewRecord, Reference
from riskmap.rules.judge import rules_of
from riskmap.values.records import Contact
from tests.ledger_files import WHO, Clock
from tests.rooms.test_ledger_attachments import put


def named(key):
    return {"id": key, "title": Text(key, key)}


PLACES = Layer(
    **named("places"),
    geometry="point",
    fields=(
        Field(**named("depth"), type="number"),
        Field(**named("note"), type="text"),
        Field(
            **named("kinds"),
            type="choice",
            several=True,
            choices=tuple(Choice(**named(one)) for one in ("wall", "slope", "pit")),
        ),
        Field(**named("near"), type="record", of=("places",), several=True),
    ),
    files=(Field(**named("photos"), type="file", several=True),),
    checklist=Checklist(title=Text("c", "c"), items=tuple(ChecklistItem(**named(k)) for k in ("a", "b"))),
    contacts=tuple(ContactRole(**named(k)) for k in ("keeper", "leader")),
)
FINDINGS = Layer(
    **named("findings"),
    geometry="none",
    belongs_to=BelongsTo(layer="places", field="place"),
    fields=(Field(**named("place"), type="record", of=("places",)), Field(**named("count"), type="integer")),
)
LAYERS = {layer.id: layer for layer in (PLACES, FINDINGS)}
CODES = "ABCD"
TWO = st.lists(st.sampled_from(CODES), min_size=2, max_size=2, unique=True)


def maybe(values):
    return st.none() | st.sampled_from(values)


STATED = st.fixed_dictionaries(
    {"depth": st.sampled_from((1.0, 2.0, 3.0))},  # what most pairs differ in
    optional={
        "name": st.sampled_from(("甲处", "乙处")),
        "subdistrict": st.sampled_from(("东街道", "西街道")),
        "position": st.sampled_from(((114.1, 22.6), (114.2, 22.6))),
        "note": st.sampled_from(("积水", "已修")),
        "kinds": st.sampled_from(("wall", "wall\nslope", "pit")),
        "checklist": st.tuples(maybe([True, False]), maybe([True, False])),
        "contacts": st.sampled_from(
            (
                (Contact("keeper", "张三", "13800000001"),),
                (Contact("keeper", "李四", "13800000002"), Contact("leader", "王五", None)),
            )
        ),
    },
)
counted: Counter[str] = Counter()


class Uniting(RuleBasedStateMachine):
    """Draws places that name one another and findings under them; merges, splits and undoes."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.splits = 0

    @initialize(places=st.lists(STATED, min_size=len(CODES), max_size=len(CODES)))
    def begin(self, places) -> None:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.ledger = self.stack.enter_context(
            Ledger.create(f"sqlite:///{folder}/ledger.sqlite", clock=Clock(), layers=LAYERS)
        )
        for code, stated in zip(CODES, places, strict=True):
            self.create("places", code, stated)
        for number, code in enumerate(CODES):
            self.create("findings", f"F{number}", {"place": code, "count": number})
        self.done: list[int] = []

    def create(self, layer, code, stated) -> None:
        judged = rules_of(LAYERS[layer]).record(stated)
        self.ledger.create_records([NewRecord(layer, code, judged)], **WHO)

    def active(self, layer="places") -> list[str]:
        return list(self.ledger.features(layer).records.code)

    def version(self, code) -> int:
        return self.ledger.history("places", code)[-1].version

    def seen(self) -> dict:
        """Return what a user sees of every record and of what hangs on it."""
        out = {}
        for layer in LAYERS:
            found = self.ledger.features(layer, contacts=True)
            records = found.records
            for at, code in enumerate(records.code):
                out[layer, code] = (
                    *(
                        records.name[at],
                        records.subdistrict[at],
                        repr(records.lon[at]),
                        repr(records.lat[at]),
                    ),
                    {k: c[at] for k, c in records.values.items() if c[at] is not None},
                    records.checklist[at] if records.checklist else None,
                    set(records.contacts[at] or ()) if records.contacts else set(),
                )
            links = self.ledger.linked(layer, records.code)
            out[layer, "links"] = {code: sorted(some) for code, some in links.items()}
            files = self.ledger.attached(layer)
            out[layer, "files"] = {
                code: sorted((f.field, f.file.digest) for f in files[code])
                for code in records.code
                if code in files
            }
        return out

    @rule(two=TWO)
    def name_another(self, two) -> None:
        if set(two) <= set(self.active()):
            changes = rules_of(PLACES).record({"near": two[1]})
            self.ledger.edit("places", two[0], seen=self.version(two[0]), changes=changes, **WHO)

    @rule(code=st.sampled_from(CODES), mark=st.sampled_from("abc"))
    def attach(self, code, mark) -> None:
        if code in self.active():
            self.ledger.change_files("places", code, put(mark), **WHO)

    def merge(self, keep, drop, side) -> int:
        plan = self.ledger.plan_merge("places", keep, drop)
        counted["conflicts"] += len(plan.conflicts)
        counted["relinked"] += len(plan.naming)
        sides = {one.key: side for one in plan.conflicts}
        nothing = rules_of(PLACES).record({})
        done = self.ledger.merge("places", keep, drop, sides=sides, stated=nothing, seen=plan.versions, **WHO)
        counted["merged"] += 1
        return done.changeset

    @rule(two=TWO, side=st.sampled_from(("keep", "drop")))
    def merge_and_back(self, two, side) -> None:
        if not set(two) <= set(self.active()):
            return
        before = self.seen()
        number = self.merge(*two, side)
        assert two[1] not in self.active()
        assert self.seen() != before
        self.ledger.undo(number, **WHO)
        assert self.seen() == before

    @precondition(lambda self: len(self.active()) > 2)
    @rule(two=TWO, side=st.sampled_from(("keep", "drop")))
    def merge_for_good(self, two, side) -> None:
        if not set(two) <= set(self.active()):
            return
        before = self.seen()
        counts = {code: before["findings", code][4]["place"] for code in self.active("findings")}
        files = before["places", "files"]
        self.done.append(self.merge(*two, side))
        after = self.seen()
        for code, place in counts.items():
            assert after["findings", code][4]["place"] == (two[0] if place == two[1] else place)
        told = {tuple(one) for code in two for one in files.get(code, ())}
        assert set(after["places", "files"].get(two[0], ())) == told, "no picture is lost, none twice"

    @rule(
        code=st.sampled_from(CODES), move=st.sets(st.sampled_from(("note", "depth", "position")), min_size=1)
    )
    def split_and_back(self, code, move) -> None:
        if code not in self.active():
            return
        before = self.seen()
        self.splits += 1
        records = self.ledger.features("places", codes=[code]).records
        here = (float(records.lon[0]), float(records.lat[0]))
        held = {key: column[0] for key, column in records.values.items()}
        held["position"] = here if here[0] == here[0] else None
        stated = {key: held[key] for key in move if held.get(key) is not None}
        findings = [one for one in self.active("findings") if before["findings", one][4]["place"] == code]
        naming = [Reference("findings", one) for one in findings[:1]]
        made = NewRecord("places", f"N{self.splits}", rules_of(PLACES).record(stated))
        done = self.ledger.split(
            made, code, moved=move, files=["photos"], naming=naming, seen=self.version(code), **WHO
        )
        after = self.seen()
        assert after["places", f"N{self.splits}"][4].get("note") == stated.get("note")
        assert not (move - {"position"}) & after["places", code][4].keys()
        self.ledger.undo(done.changeset, **WHO)
        assert self.seen() == before
        counted["split"] += 1

    @rule()
    def undo_the_last(self) -> None:
        if self.done:
            with contextlib.suppress(LedgerError):  # changed since
                self.ledger.undo(self.done.pop(), **WHO)

    @invariant()
    def nothing_names_what_is_gone(self) -> None:
        if not hasattr(self, "ledger"):
            return
        there = {(layer, code) for layer in LAYERS for code in self.active(layer)}
        for layer in LAYERS:
            for code, some in self.ledger.linked(layer, self.active(layer)).items():
                assert set(some) <= there, f"{code} names what is gone"
                assert (layer, code) not in some, "nothing names itself"

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            assert self.ledger.check() == []
        self.stack.close()


def test_merging_and_splitting_are_taken_back_whole_and_leave_no_link_dangling():
    counted.clear()
    machine = Uniting.TestCase
    machine.settings = settings(max_examples=25, stateful_step_count=14, deadline=None)
    machine().runTest()
    floor = {"merged": 30, "split": 15, "conflicts": 15, "relinked": 30}
    assert all(counted[what] >= least for what, least in floor.items()), dict(counted)
