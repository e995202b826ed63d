"""A workspace is one district: a directory with layers/, models/, data/ and a workspace.toml."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import shapely

from riskmap.actions.workspace.settings import WorkspaceConfig, read_workspace_file
from riskmap.catalog import Catalog, defaults_dir, load_catalog
from riskmap.coordinates import Region
from riskmap.errors import LedgerError, WorkspaceError
from riskmap.interface import option
from riskmap.io.files.leftovers import sweep
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.later import later
from riskmap.ledger import Ledger
from riskmap.ledger.store import file_of
from riskmap.rules.subdistricts import StreetNames
from riskmap.values.boundaries import Boundaries

if TYPE_CHECKING:
    from riskmap.io.files import attachments
    from riskmap.ledger import Level
else:
    attachments = later("riskmap.io.files.attachments")

WORKSPACE_FILE = "workspace.toml"


Seen = tuple[tuple[str, int, int, int], ...]  # file, inode, size and time of writing


@dataclass(frozen=True, eq=False)
class Workspace:
    """An open workspace. `catalog` and `places` are read once; `ledger` is opened when first used."""

    root: Path
    config: WorkspaceConfig
    catalog: Catalog
    store: str
    seen: Seen = ()

    @cached_property
    def ledger(self) -> Ledger:
        """The district's ledger; it masks what the layers call personal wherever it tells of changes."""
        personal = {
            layer.id: {f.id for f in layer.fields if f.personal} for layer in self.catalog.layers.values()
        }
        return Ledger.open(self.store, personal=personal, layers=self.catalog.layers)

    @property
    def places(self) -> Boundaries | None:
        """District and sub-district polygons under their names of today, None where workspace.toml names none."""
        return self.places_at(None)

    def places_at(self, state: int | None) -> Boundaries | None:
        """Return the polygons under the names of a state of the ledger (None: of today).

        The file may be older than the names: streets that were renamed bear their new name, those that were merged
        are one.
        """
        drawn = self._drawn
        if drawn is None or not (former := self.former_names(state)["subdistrict"]):
            return drawn
        kept: dict[tuple[tuple[str, str], ...], Boundaries] = vars(self).setdefault("_renamed", {})
        key = tuple(former.items())
        if key not in kept:
            kept[key] = drawn.renamed(former)
        return kept[key]

    def former_names(self, state: int | None = None) -> Mapping[Level, Mapping[str, str]]:
        """Return what streets and communities were called before → their names of today, or of a state of the ledger.

        None at all where the ledger cannot be read: whoever needs it says so.
        """
        try:
            at = self.ledger.state if state is None else state
            kept: tuple[int, Mapping[Level, Mapping[str, str]]] | None = vars(self).get("_former")
            if kept is None or kept[0] != at:
                levels: tuple[Level, Level] = ("subdistrict", "community")
                kept = (at, {level: self.ledger.former_names(level, state=at) for level in levels})
                vars(self)["_former"] = kept
        except LedgerError:
            return {"subdistrict": {}, "community": {}}
        return kept[1]

    @cached_property
    def _drawn(self) -> Boundaries | None:
        config = self.config
        if not config.boundary and not config.subdistricts:
            return None
        parts = (
            read_boundaries(self.path(config.subdistricts), datum=config.boundary_datum)
            if config.subdistricts
            else {}
        )
        if config.boundary:
            whole = read_boundaries(self.path(config.boundary), datum=config.boundary_datum)
            district = shapely.union_all(list(whole.values()))
        else:
            district = shapely.union_all(list(parts.values()))
        return Boundaries.of(district, parts, source=config.boundary or config.subdistricts)

    @property
    def region(self) -> Region:
        """Where records may lie: the stated extent, around the boundary, or in China."""
        bounds = self.places.district.bounds if self.places else None
        return Region(self.config.extent, bounds)

    @property
    def subdistricts(self) -> StreetNames:
        """Names of the sub-districts that the boundaries know, and what they were called before."""
        former = self.former_names()
        names = self.places.names if self.places else ()
        return StreetNames(names, former["subdistrict"], former["community"])

    def path(self, relative: str) -> Path:
        """Return a file named in workspace.toml; relative paths start at the workspace."""
        return self.root / relative

    @property
    def people_table(self) -> Path | None:
        """The district's own table of who lives where, None where workspace.toml names none or it is gone."""
        file = self.path(self.config.people)
        return file if self.config.people and file.is_file() else None

    def with_catalog(self, catalog: Catalog) -> Workspace:
        """Return this workspace under other layer and model files; it shares the open ledger where
        the layers are the same.
        """
        catalog = taking_over(catalog, self.config.takeover)
        other = replace(self, catalog=catalog)
        if catalog.layers == self.catalog.layers:
            vars(other).update({key: vars(self)[key] for key in ("ledger", "_drawn") if key in vars(self)})
        return other

    @property
    def outrun(self) -> bool:
        """True once somebody has written to the settings, layer and model files that were read."""
        return _seen(self.root) != self.seen

    @property
    def cache_dir(self) -> Path:
        """Where derived, disposable files live."""
        return self.root / "data" / "cache"

    @property
    def files(self) -> attachments.FileStore:
        """The pictures and documents that hang on records."""
        return attachments.FileStore(self.root / "data" / "files", self.cache_dir / "thumbs")

    @property
    def demo(self) -> bool:
        """True where the data are made up and must be marked so everywhere."""
        return self.config.demo


# user:password@host without a scheme, which would pass for the name of a file
_SIGNED_IN = re.compile(r"[^\s/\\:@]+:[^\s/\\@]+@")


def workspace_dir(given: Path | None = None) -> Path:
    """Return the directory meant: the one given, else RISKMAP_WORKSPACE, else the current one."""
    return given or Path(os.environ.get("RISKMAP_WORKSPACE") or ".")


def store_url(root: Path, configured: str, given: str | None = None) -> str:
    """Return the store's URL: the one given, else RISKMAP_STORE, else workspace.toml's.

    A plain path means a SQLite file; a relative one starts at the workspace. LedgerError for any other address.
    """
    text = given or os.environ.get("RISKMAP_STORE") or configured
    if "://" in text or _SIGNED_IN.search(text):
        return f"sqlite:///{file_of(text).as_posix()}"  # and nothing of a user, a password or a query
    return f"sqlite:///{(root / text).resolve().as_posix()}"


def open_workspace(directory: Path | None = None, store: str | None = None) -> Workspace:
    """Open a workspace. WorkspaceError or CatalogError say what is wrong with its files."""
    root = workspace_dir(directory).resolve()
    if not (root / WORKSPACE_FILE).is_file():
        raise WorkspaceError(
            f"{root}：不是工作区（没有 {WORKSPACE_FILE}）；请用 riskmap init {root} 新建，或用 {option('workspace')} 指明目录",
            f"{root}: not a workspace (no {WORKSPACE_FILE}); make one with riskmap init {root}, or name one "
            f"with {option('workspace', 'en')}",
        )
    seen = _seen(root)
    config = read_workspace_file(root / WORKSPACE_FILE)
    url = store_url(root, config.store, store)
    _clear_leftovers(root, url)
    return Workspace(root, config, taking_over(load_catalog(root), config.takeover), url, seen)


def taking_over(catalog: Catalog, day: str | None) -> Catalog:
    """Return the layers and models with the workspace's day of takeover in every register that states none."""
    layers = {
        one.id: one.model_copy(update={"flow": one.flow.model_copy(update={"takeover": day})})
        for one in catalog.layers.values()
        if day is not None and one.flow is not None and one.flow.takeover is None
    }
    return replace(catalog, layers={**catalog.layers, **layers}) if layers else catalog


@lru_cache(maxsize=16)
def _clear_leftovers(root: Path, url: str) -> None:
    """Clear, once for each start, what killed programs have left in a workspace and among temporary files."""
    with suppress(LedgerError):  # the address is no file's: who opens the ledger says so
        sweep({file_of(url).parent})
    parts = ("", "layers", "models", "data", "data/cache", "data/cache/thumbs", "data/files")
    sweep([*(root / part for part in parts), Path(tempfile.gettempdir())])


def _seen(root: Path) -> Seen:
    """Return what the system says of the files that a workspace is opened from."""
    found: list[tuple[str, int, int, int]] = []
    for folder in (root, root / "layers", root / "models"):
        with suppress(OSError), os.scandir(folder) as files:  # one that is gone is seen as empty
            for file in files:
                if file.name.endswith(".toml"):
                    stat = file.stat()
                    found.append((file.path, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(sorted(found))


def _template(name: str, *, demo: bool, takeover: str | None) -> str:
    boundary = "data/boundaries/district.geojson" if demo else ""
    subdistricts = "data/boundaries/subdistricts.geojson" if demo else ""
    dem = "data/dem.tif" if demo else ""
    people = "data/people.csv" if demo else ""
    registers = (
        f'\n[registers]\ntakeover = "{takeover}"         # 接管日 / what arrives closed by this day was closed elsewhere\n'
        if takeover
        else ""
    )
    return f"""# 工作区设置 / settings of this workspace
[district]
name = "{name}"                 # 区名 / district
boundary = "{boundary}"         # 区界 GeoJSON；空 = 没有 / district polygon; empty = none
subdistricts = "{subdistricts}" # 街道界 GeoJSON，name 字段为街道名 / sub-districts with a name property
boundary_datum = "cgcs2000"     # 边界文件的坐标系 / datum of both files
# extent = [113.7, 22.4, 114.7, 22.9]  # 西、南、东、北（度）：之外的位置会提醒 / positions outside are warned of
demo = {str(demo).lower()}      # 演示数据：所有页面和导出都会标明 / made-up data: marked everywhere

[map]
approval_number = ""            # 审图号 / map approval number
dem = "{dem}"                   # 地形 GeoTIFF / terrain
basemap = ""                    # 自有底图 .mbtiles / base map of your own

[intake]
datum = ""                      # 未声明时使用的坐标系；空 = 必须声明 / datum where none is declared; empty = must be declared

[evacuation]
people = "{people}"             # 人口表（楼栋、户或人）/ who lives where: buildings, households or persons
people_datum = "cgcs2000"       # 人口表的坐标系 / its datum

[store]
url = "data/ledger.sqlite"      # 台账 / the ledger

[backup]
keep = 7                        # riskmap backup 保留几份；见 docs/backup.md / how many generations stay
days = 7                        # 几天没有备份即提醒 / warned of after so many days without one

[duty]
minutes = 15                    # 几分钟未应答即呼叫下一位（默认值，可改）/ minutes to answer (default, to be edited)

[outbox]
kind = "file"                   # file 写入 data/outbox | smtp 邮件 | webhook；见 docs/duty.md / where messages leave
{registers}"""


def create_workspace(
    directory: Path,
    *,
    name: str = "本区",
    demo: bool = False,
    takeover: str | None = None,
    store: str | None = None,
) -> Workspace:
    """Make a workspace: default layers and models, settings, an empty ledger at `store`.

    `takeover`: the day by which what arrives closed in a register was closed elsewhere; not stated by default.

    Refuses a directory that already holds a workspace; leaves other files alone.
    """
    root = directory.resolve()
    if (root / WORKSPACE_FILE).exists():
        raise WorkspaceError(
            f"{root}：已经是工作区；要重做请换一个目录，或先把它移走（台账在 data/ 里）",
            f"{root}: already a workspace; choose another directory, or move this one away first (its ledger is in data/)",
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / "data").mkdir(mode=0o700, exist_ok=True)
        with suppress(PermissionError):  # somebody else's folder stays as he has it; check says so
            (root / "data").chmod(0o700)
        defaults = defaults_dir()
        for part in ("layers", "models"):
            (root / part).mkdir(exist_ok=True)
            for source in sorted((defaults / part).iterdir()):
                if source.is_file() and not (root / part / source.name).exists():
                    shutil.copyfile(source, root / part / source.name)
        url = store_url(root, "data/ledger.sqlite", store)
        Ledger.create(url)
        # Written last: a directory is a workspace only once everything else is there.
        (root / WORKSPACE_FILE).write_text(_template(name, demo=demo, takeover=takeover), encoding="utf-8")
    except OSError as problem:
        raise WorkspaceError(
            f"{root}：无法写入（{problem.strerror}）；请检查目录权限和磁盘空间",
            f"{root}: cannot write here ({problem.strerror}); check permissions and free space",
        ) from problem
    return open_workspace(root, store)
