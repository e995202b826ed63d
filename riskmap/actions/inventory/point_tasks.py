"""The Parquet files of a point table: which row groups make one task, and one task from file to file.

Where the tasks run: one after the other in this process, or on the workers of a Dask cluster.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from riskmap.coordinates import Datum, parse_datum
from riskmap.errors import DatumError, RiskmapError, Text, UnreadableFileError
from riskmap.interface import option
from riskmap.io.files.atomic import replacing
from riskmap.io.files.drivers.stated_crs import crs_of, geo_of
from riskmap.progress import Progress

if TYPE_CHECKING:
    from riskmap.actions.inventory.point_joins import PieceRecipe, Tally

PIECE_ROWS: Final = 1 << 17  # scored at once: what bounds a process's memory


TASK_ROWS: Final = 1 << 20  # at least so many rows to one output file, where row groups are small


_MAGIC: Final = b"PAR1"


@dataclass(frozen=True, slots=True)
class Task:
    """Some row groups of one file, and the file that they become."""

    source: str
    groups: tuple[int, ...]
    target: str
    rows: int


def source_files(path: Path) -> list[Path]:
    """Return the Parquet files of a table: one file, or all in a folder by name. UnreadableFileError for none."""
    files = sorted(p for p in path.glob("*.parquet") if p.is_file()) if path.is_dir() else [path]
    if not files:
        raise UnreadableFileError(
            f"{path}：文件夹里没有 .parquet 文件；请指明点表文件或存放它的文件夹",
            f"{path}: no .parquet files in this folder; name the table's file or its folder",
        )
    for file in files:
        try:
            with file.open("rb") as stream:
                head = stream.read(4)
        except OSError as problem:
            raise UnreadableFileError(
                f"{file}：打不开（{problem.strerror}）；请检查路径",
                f"{file}: cannot be opened ({problem.strerror}); check the path",
            ) from problem
        if head != _MAGIC:
            raise _damaged(file)
    return files


def _damaged(file: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{file}：不是 Parquet 文件或已损坏；请重新导出",
        f"{file}: no Parquet file, or a damaged one; export it again",
    )


@contextmanager
def opened(file: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; UnreadableFileError where it cannot be read."""
    try:
        with pq.ParquetFile(file, memory_map=True) as table:
            yield table
    except (pa.ArrowException, OSError) as problem:
        raise _damaged(file) from problem


def tasks_of(files: list[Path], folder: Path) -> list[Task]:
    """Cut files into tasks at their row groups; every row belongs to exactly one."""
    tasks: list[Task] = []
    for file in files:
        with opened(file) as table:
            sizes = [table.metadata.row_group(i).num_rows for i in range(table.num_row_groups)]
        run: list[int] = []
        for group in range(len(sizes)):
            run.append(group)
            if sum(sizes[i] for i in run) >= TASK_ROWS or group == len(sizes) - 1:
                target = folder / f"part-{len(tasks):05d}.parquet"
                rows = sum(sizes[i] for i in run)
                tasks.append(Task(str(file.resolve()), tuple(run), str(target), rows))
                run = []
    return tasks


def run_task(plan: PieceRecipe, task: Task) -> Tally:
    """Score the row groups of a task and write its file, which appears whole or not at all.

    Memory holds one piece. Done again after a worker has died, it writes the same file.
    """
    from riskmap.actions.inventory.point_joins import Tally, score_piece  # noqa: PLC0415 (trees and rasters load for a second)

    tally, target, schema = Tally.nothing(), Path(task.target), plan.output
    with (
        opened(Path(task.source)) as table,
        replacing(target) as (room,),
        pq.ParquetWriter(room, schema, compression="zstd") as out,
    ):
        for batch in table.iter_batches(PIECE_ROWS, row_groups=list(task.groups), columns=list(plan.columns)):
            scored, counted = score_piece(plan, pa.Table.from_batches([batch]))
            out.write_table(scored.select(schema.names).cast(schema))
            tally += counted
    return tally


def position_of(file: Path, declared: Datum | None) -> tuple[str | None, Datum | None]:
    """Return the geometry column (None: columns lon and lat) and the datum of a table's positions.

    DatumError where nothing says in which coordinate system they are.
    """
    with opened(file) as table:
        names, metadata = table.schema_arrow.names, table.schema_arrow.metadata or {}
    geo = geo_of(metadata)
    if primary := geo.get("primary_column"):
        stated = crs_of(geo.get("columns", {}).get(primary, {})).get("crs")
        if declared is None and not stated:
            raise DatumError(
                f"{file}：没有写明坐标系；请用 {option('crs')} 声明",
                f"{file}: states no coordinate system; declare one with {option('crs', 'en')}",
            )
        return primary, declared or parse_datum(stated or "")
    if not {"lon", "lat"} <= set(names):
        raise RiskmapError(
            f"{file}：没有图形列，也没有 lon、lat 两列，无法定位；请补上坐标，或不用 {option('nearest')}、"
            f"{option('within')}、{option('raster')}",
            f"{file}: neither a geometry column nor lon and lat; add positions, or leave "
            f"{option('nearest', 'en')}, {option('within', 'en')}, {option('raster', 'en')} out",
        )
    if declared is None:
        raise DatumError(
            f"{file}：lon、lat 两列没有坐标系；请用 {option('crs')} 声明 wgs84、cgcs2000、gcj02、bd09 或 EPSG:n",
            f"{file}: lon and lat have no coordinate system; declare wgs84, cgcs2000, gcj02, bd09 or EPSG:n "
            f"with {option('crs', 'en')}",
        )
    return None, declared


Engine = Literal["numpy", "dask"]


_CONNECT_S = 10


_TRIES = 5  # a task is begun anew where its worker died


_SCORING: Final = Text("评分", "scoring")


def run_here(plan: PieceRecipe, tasks: Sequence[Task], progress: Progress) -> Tally:
    """Run every task in this process."""
    from riskmap.actions.inventory.point_joins import Tally  # noqa: PLC0415 (trees and rasters load for a second)

    total = Tally.nothing()
    for number, task in enumerate(tasks):
        progress.step(number, len(tasks), _SCORING)
        total += run_task(plan, task)
    return total


def run_on_dask(plan: PieceRecipe, tasks: Sequence[Task], progress: Progress, *, scheduler: str) -> Tally:
    """Run the tasks on the cluster at `scheduler` (tcp://host:port). Workers see the same files as this machine.

    A worker that dies costs its unfinished task's time: another worker does it again. RiskmapError
    where the extra is not installed, nobody answers, or a task fails.
    """
    from riskmap.actions.inventory.point_joins import Tally  # noqa: PLC0415 (trees and rasters load for a second)

    total = Tally.nothing()
    with cluster(scheduler) as client:
        for done, (_, tally) in enumerate(results(client, run_task, plan, tasks), 1):
            total += tally
            progress.step(done, len(tasks), _SCORING)
    return total


def check_engine(engine: Engine, scheduler: str | None) -> None:
    """Refuse an engine without a scheduler and a scheduler without its engine."""
    if (engine == "dask") != (scheduler is not None):
        raise RiskmapError(
            f"{option('engine')} dask 与 {option('scheduler')} 地址要一起写",
            f"{option('engine', 'en')} dask and {option('scheduler', 'en')} ADDRESS go together",
        )


@contextmanager
def cluster(scheduler: str) -> Iterator[Any]:
    """Connect to the Dask cluster at `scheduler`; gives its client.

    RiskmapError where the extra is not installed, nobody answers, or there are no workers.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as problem:
        raise RiskmapError(
            f"{option('scheduler')} {scheduler}：连不上；请先启动 dask scheduler 和 dask worker，地址写成 tcp://主机:8786",
            f"{option('scheduler', 'en')} {scheduler}: nobody answers; start dask scheduler and dask worker, "
            "and write the address as tcp://host:8786",
        ) from problem
    with client:
        if not client.scheduler_info()["workers"]:
            raise RiskmapError(
                f"{option('scheduler')} {scheduler}：没有计算节点；请启动 dask worker {scheduler}",
                f"{option('scheduler', 'en')} {scheduler}: it has no workers; start dask worker {scheduler}",
            )
        yield client


def results(
    client: Any, work: Callable[[Any, Any], Any], shared: Any, tasks: Sequence[Any]
) -> Iterator[tuple[int, Any]]:
    """Return the place and the result of each task of `work(shared, task)`, in the order in which they end.

    RiskmapError where a task fails, and where what all tasks share cannot travel to the workers.
    """
    distributed = _distributed()
    _check_travels(shared)
    scattered = client.scatter(shared, broadcast=True)
    futures = client.map(work, [scattered] * len(tasks), tasks, retries=_TRIES, pure=False)
    place = {future.key: at for at, future in enumerate(futures)}
    for future in distributed.as_completed(futures, loop=client.loop):
        try:
            found = future.result()
        except RiskmapError:
            raise
        except Exception as problem:
            raise RiskmapError(
                f"计算节点出错：{type(problem).__name__}：{problem}；请排除后重新运行",
                f"a worker failed: {type(problem).__name__}: {problem}; put it right and run again",
            ) from problem
        yield place[future.key], found


def _check_travels(shared: Any) -> None:
    """Refuse what cannot be sent to another process (a trained artefact that holds something local)."""
    try:
        pickle.dumps(shared)
    except Exception as problem:
        raise RiskmapError(
            f"评分模型不能送到计算节点（{type(problem).__name__}：{problem}）；请用 {option('engine')} numpy 在本机评分",
            f"the scoring model cannot travel to the workers ({type(problem).__name__}: {problem}); "
            f"score on this machine with {option('engine', 'en')} numpy",
        ) from problem


def _distributed() -> Any:
    try:
        import distributed  # noqa: PLC0415 - an extra
    except ImportError as problem:
        raise RiskmapError(
            '--engine dask 需要附加组件；请运行 pip install "riskmap[dask]"',
            '--engine dask needs an extra; run pip install "riskmap[dask]"',
        ) from problem
    return distributed
