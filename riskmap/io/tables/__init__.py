"""File → rows → validated records. Nothing of a file is trusted, nothing of it is lost.

A file is checked from outside (`io.files.file_checks`), parsed by a subprocess under limits (`sandbox`,
`worker`, `drivers`), its headers are found and understood (`layout`, `headers`), its cells are cleaned
column by column (`rules`: `column`, `cell`, `position`, `shape`), and every row ends as a record, as a
rejected row with its reasons, or as a counted line that is no data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from riskmap.coordinates import Region
from riskmap.io.files.file_checks import FileLimits
from riskmap.progress import UNWATCHED, Progress

if TYPE_CHECKING:
    from riskmap.catalog.layer import Layer
    from riskmap.io.tables.row_codes import RowCodes
    from riskmap.io.tables.row_keys import RowKeys
    from riskmap.values.import_plan import Intake

__all__ = [
    "read_file",
]


def read_file(
    path: Path,
    layer: Layer,
    *,
    datum: str | None,
    subdistricts: Sequence[str] = (),
    limits: FileLimits = FileLimits(),  # noqa: B008 - frozen
    progress: Progress = UNWATCHED,
    name: str | None = None,
    fallback_datum: str | None = None,
    others: Mapping[str, str] | None = None,
    codes: RowCodes | RowKeys | None = None,
    region: Region = Region(),  # noqa: B008 - frozen
    hidden: bool = False,
) -> Intake:
    """Read one file into records of `layer`, rejected rows and issues; nothing is written.

    `datum` is wgs84, cgcs2000, gcj02, bd09 or EPSG:n; None where the file carries its own.
    `subdistricts` are the district's own names, by which titles and sheet names are understood.
    `fallback_datum` holds where nothing is declared and the file carries none. `others`: ids and titles
    of the other layers → id, by which the tables of an inventory of ours are told apart.
    `codes`: how rows without a code get one; without it they are rejected.
    `region`: where records may lie beside China, and what is far from the district.
    `hidden`: whether hidden sheets are read as well. `name` is the file's name as the person knows it, where
    `path` is a temporary copy.
    Raises UnreadableFileError for a file that is not what its ending says, cannot be parsed or
    breaks a limit, DatumError where the coordinate system is missing or contradicts the file.
    """
    # The worker process imports this package too and must start lean.
    from riskmap.io.tables.reading import read  # noqa: PLC0415

    return read(
        path,
        layer,
        datum=datum,
        subdistricts=subdistricts,
        limits=limits,
        progress=progress,
        name=name or path.name,
        fallback=fallback_datum,
        others=others,
        codes=codes,
        region=region,
        hidden=hidden,
    )
