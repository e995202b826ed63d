"""`python -m riskmap` does what `riskmap` does."""

from __future__ import annotations

from riskmap.cli import main

main()
