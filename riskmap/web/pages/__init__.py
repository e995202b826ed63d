"""The pages of the app, one file or folder each: what states `PAGE` here stands in the navigation.

A page is a file with a function `render()`, run as a script, so that it ends with
`if __name__ == "__main__": render()`.
"""

from __future__ import annotations

import ast
import pkgutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Page:
    """What a page's own file states of it, by keywords with plain values.

    `id` is also its address; `zh` and `en` are its titles. Pages stand by `order`, the first one at "/".
    `past`: it can show the ledger of a past day or moment, without a way to change it; another page is closed
    while somebody looks at the past. `hidden`: other pages lead to it, not the navigation. `file` is where the
    statement was found.
    """

    id: str
    zh: str
    en: str
    order: int
    past: bool = False
    hidden: bool = False
    file: Path = Path()


@cache
def pages() -> dict[str, Page]:
    """Return every page by its id, in their order. StopIteration where a file states none."""
    found: list[Page] = []
    for folder in __path__:  # once the page map is imported, that name is the page here
        for module in pkgutil.iter_modules([folder]):
            file = Path(folder, f"{module.name}/__init__.py" if module.ispkg else f"{module.name}.py")
            found.append(replace(_stated(file.read_text("utf-8")), file=file))
    return {page.id: page for page in sorted(found, key=lambda page: (page.order, page.id))}


def page_paths() -> frozenset[str]:
    """Return the paths of the pages; the first one stands at "/" only."""
    _, *others = pages()
    return frozenset({"/", *(f"/{name}" for name in others)})


def _stated(source: str) -> Page:
    """Return what a page states, without the libraries that its module would bring before it is opened."""
    calls = (node.value for node in ast.parse(source).body if isinstance(node, ast.AnnAssign))
    call = next(one for one in calls if isinstance(one, ast.Call) and ast.unparse(one.func) == "Page")
    return Page(**{one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg})
