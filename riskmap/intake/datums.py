"""Which coordinate system the numbers of a sheet are in: declared, carried by the file, or asked for."""

from __future__ import annotations

from collections.abc import Iterable

from riskmap.coordinates import Datum, parse_datum
from riskmap.errors import DatumError, Say
from riskmap.intake.headers import datum_hint
from riskmap.intake.raw import RawSheet

_TITLES = {
    "wgs84": "WGS84",
    "cgcs2000": "CGCS2000（国家2000）",
    "gcj02": "GCJ-02（高德、腾讯）",
    "bd09": "BD-09（百度）",
}
_SAME = frozenset({"wgs84", "cgcs2000"})


def title(datum: str) -> str:
    """Return a datum's name as people say it."""
    return _TITLES.get(datum, datum)


def needed(name: str, texts: Iterable[str]) -> DatumError:
    """Return the error for a file without a coordinate system, naming what its own words hint at."""
    hints = [(hint, text) for text in texts if (hint := datum_hint(text)) in _TITLES]
    zh, en = "", ""
    if hints:
        hint, text = hints[0]
        zh = f"；文件里写着“{' '.join(text.split())[:40]}”，多半是 {hint}"
        en = f"; the file says “{' '.join(text.split())[:40]}”, which points to {hint}"
    return DatumError(
        f"{name}：没有说明坐标系；请用 --crs 声明 wgs84、cgcs2000、gcj02、bd09 或 EPSG:n{zh}",
        f"{name}: no coordinate system is stated; declare one of wgs84, cgcs2000, gcj02, bd09 or EPSG:n with --crs{en}",
    )


def of_layer(sheet: RawSheet, declared: Datum | None, name: str) -> tuple[Datum, Say | None]:
    """Return the datum of a vector layer and a remark on a declaration that overrides the file's.

    Declared GCJ-02 or BD-09 wins over a geographic file CRS, because map apps write shifted degrees
    under a WGS84 label. Any other contradiction is a DatumError.
    """
    where = f"{name} › {sheet.name}"
    own = parse_datum(sheet.crs) if sheet.crs else None
    if own is None:
        if declared is None:
            if sheet.crs_name:
                raise DatumError(
                    f"{where}：文件的坐标系 {sheet.crs_name[:60]} 没有 EPSG 编号；请用 --crs 声明 EPSG:4547 这样的编号",
                    f"{where}: the file's coordinate system {sheet.crs_name[:60]} has no EPSG code; declare one with --crs",
                )
            raise needed(where, ())
        return declared, None
    if declared is None or _equivalent(own, declared):
        return own if declared is None else declared, None
    if not sheet.crs_stated:
        return declared, None
    if declared.offset and own.kind == "geographic":
        return declared, Say(
            f"{where}：文件标注 {title(own.id)}，声明的是 {title(declared.id)}，已按声明纠偏",
            f"{where}: the file is labelled {own.id} but declared as {declared.id}; the declaration was followed",
        )
    raise DatumError(
        f"{where}：文件自带坐标系 {title(own.id)}，声明的却是 {title(declared.id)}；请去掉声明，或核对文件",
        f"{where}: the file carries {own.id} but {declared.id} was declared; drop the declaration or check the file",
    )


def _equivalent(own: Datum, declared: Datum) -> bool:
    return own.id == declared.id or (own.id in _SAME and declared.id in _SAME)


def contradiction(hint: str | None, declared: Datum) -> bool:
    """Tell whether a header's datum speaks against the declared one."""
    if hint is None or (hint == "local" and declared.kind == "projected"):
        return False
    if declared.kind == "projected":
        return hint in {"gcj02", "bd09"}
    if hint in _SAME and declared.id in _SAME:
        return False
    return hint != declared.id
