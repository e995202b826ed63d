"""What docs/figures.md shows of figure and statement files can be told and judged."""

from __future__ import annotations

import re
from pathlib import Path

from riskmap.reports.statements import bind_statements
from tests.figures_made import figures, shipped


def test_the_figures_and_statements_that_the_document_shows_can_be_told():
    text = (Path(__file__).parents[2] / "docs" / "figures.md").read_text(encoding="utf-8")
    blocks = {
        match[1]: match[2]
        for match in re.finditer(
            r"^```toml\n# (reports/\S+)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL
        )
    }
    assert len(blocks) == 2
    (own,) = (found for name, found in blocks.items() if "figures/" in name)
    found = figures(own, "reports/figures/hazards_own.toml")
    assert not found.failed
    assert {"hazards_own.found", "hazards_own.rate", "hazards_own.firms"} <= set(found.usable)
    (stated,) = (found for name, found in blocks.items() if "statements/" in name)
    bound = bind_statements([("reports/statements/own.toml", stated, True)], found, list(shipped()))
    assert not bound.failed
    assert len(bound.usable) == 10
