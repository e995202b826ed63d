"""`python -m riskmap.cli` does what `riskmap` does."""

from __future__ import annotations

from riskmap.cli import main

main()
