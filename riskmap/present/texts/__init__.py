"""Every word of the product, in Chinese and English, in the TOML files of this folder.

Each line of a file is `key = { zh = "…", en = "…" }`; keys are unique over all files. Placeholders
are `{name}` as in `str.format`.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources

from riskmap.errors import Lang, Say


@lru_cache(maxsize=1)
def _texts() -> dict[str, Say]:
    found: dict[str, Say] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for key, value in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if key in found:
                raise ValueError(f"texts/{file.name} › {key}: this key stands in another file too")
            found[key] = Say(value["zh"], value["en"])
    return found


def t(key: str, lang: Lang = "zh", **values: object) -> str:
    """Return the text of `key` in `lang`, its placeholders filled with `values`.

    Without values the text comes as it is written. KeyError names a key that no file has.
    """
    text = _texts()[key].text(lang)
    return text.format(**values) if values else text


def keys(prefix: str = "") -> tuple[str, ...]:
    """Return all keys that begin with `prefix`, sorted."""
    return tuple(sorted(key for key in _texts() if key.startswith(prefix)))
