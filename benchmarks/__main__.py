"""Run the benchmarks and print one table. `--only import,export,…` runs some of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    browsing,
    certainty,
    checking,
    drilling,
    evacuating,
    files,
    mapping,
    preparing,
    registers,
    reporting,
    scale,
    scoring,
    sensing,
    serving,
    terrain,
    ticketing,
    wind,
    workspaces,
)
from benchmarks.measure import Line, say, table

ALL = {
    "make": workspaces.making,
    "import": files.importing,
    "registers": registers.registers,
    "export": files.exporting,
    "map": mapping.mapping,
    "report": reporting.reporting,
    "score": lambda home, large: [*scoring.scoring(home, large), *certainty.certainty(home, large)],
    "prepare": preparing.preparing,
    "evacuate": evacuating.evacuating,
    "sense": sensing.sensing,
    "check": checking.checking,
    "tickets": ticketing.ticketing,
    "terrain": terrain.terrain,
    "serve": serving.serving,
    "browser": browsing.browsing,
    "drill": drilling.drilling,
    "scale": scale.scale,
    "wind": wind.wind,
}
_LONG = {"scale", "terrain"}  # minutes of their own: run by name


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument(
        "--only", default=",".join(k for k in ALL if k not in _LONG), help=f"some of {', '.join(ALL)}"
    )
    ask.add_argument("--large", type=int, default=1_000_000, help="points of the large case")
    ask.add_argument("--keep", type=Path, help="folder to keep the workspaces in, and to find them in again")
    args = ask.parse_args()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as temporary:
        home = args.keep or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        for name in args.only.split(","):
            say(f"… {name}")
            lines += ALL[name](home, args.large)
    print(table(lines))
    sys.exit(0 if all(line.holds for line in lines) else 1)


if __name__ == "__main__":
    main()
