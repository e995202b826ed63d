"""`python -m riskmap` does what `riskmap` does."""

from riskmap.cli import main

main()
