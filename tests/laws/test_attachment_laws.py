"""Whatever is attached, taken off, edited and undone: the table of files says what the records say, at every moment."""

from __future__ import annotations

import contextlib
import tempfile
from datetime import datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from riskmap.errors import LedgerError
from riskmap.ledger import Ledger
from riskmap.values.attachments import files_of
from tests.ledger_files import LAYER, WHO, Clock, bring, judged, point
from tests.rooms.test_ledger_attachments import off, put

CODES, MARKS = st.sampled_from("AB"), st.sampled_from("abc")


class Files(RuleBasedStateMachine):
    """Draws changes of two records and three files, and undoes of the last changesets."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()

    @initialize()
    def begin(self) -> None:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.ledger = self.stack.enter_context(
            Ledger.create(f"sqlite:///{folder}/ledger.sqlite", clock=Clock())
        )
        bring(self.ledger, [point("A"), point("B")])
        self.brought = self.ledger.state
        self.past: list[tuple[datetime, dict[str, list[str]]]] = []

    @rule(code=CODES, marks=st.lists(MARKS, min_size=1, unique=True), several=st.booleans())
    def attach(self, code, marks, several) -> None:
        self.ledger.change_files(LAYER, code, put(*marks[: None if several else 1], several=several), **WHO)

    @rule(code=CODES, mark=MARKS)
    def take_off(self, code, mark) -> None:
        self.ledger.change_files(LAYER, code, off(mark), **WHO)

    @rule(code=CODES, value=st.sampled_from((1.0, 3.0, 6.0)))
    def edit(self, code, value) -> None:
        seen = self.ledger.history(LAYER, code)[-1].version
        self.ledger.edit(LAYER, code, seen=seen, changes=judged({"likelihood": value}), **WHO)

    @rule(back=st.integers(0, 3))
    def undo(self, back) -> None:
        number = self.ledger.state - back
        if number > self.brought:
            with contextlib.suppress(LedgerError):  # changed since, or undone already
                self.ledger.undo(number, **WHO)

    def said(self) -> dict[str, list[str]]:
        found = self.ledger.features(LAYER, include_retired=True)
        columns = found.records.values
        return {
            code: sorted(
                f"{digest} {name}"
                for files in files_of({key: column[at] for key, column in columns.items()}).values()
                for digest, name in files
            )
            for at, code in enumerate(found.records.code)
        }

    def table(self, **when) -> dict[str, list[str]]:
        found = self.ledger.attached(LAYER, **when)
        return {code: sorted(f"{one.file.digest} {one.name}" for one in found.get(code, [])) for code in "AB"}

    @invariant()
    def the_table_says_what_the_records_say(self) -> None:
        if not hasattr(self, "ledger"):
            return
        now = self.said()
        assert self.table() == now
        self.past.append((datetime.fromisoformat(self.ledger.written_at(self.ledger.state)), now))
        for then, was in self.past:
            assert self.table(as_of=then) == was

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            assert self.ledger.check() == []
        self.stack.close()


TestFiles = Files.TestCase
TestFiles.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
