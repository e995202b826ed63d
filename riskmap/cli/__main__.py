"""`python -m riskmap.cli` does what `riskmap` does."""

from riskmap.cli import main

main()
