"""Where the tasks run: one after the other in this process, or on the workers of a Dask cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from riskmap.errors import RiskmapError
from riskmap.usecases.batch.parts import Task, run_task
from riskmap.usecases.batch.plan import Plan, Tally

Engine = Literal["numpy", "dask"]
Progress = Callable[[str, float], None]

_CONNECT_S = 10
_TRIES = 5  # a task is begun anew where its worker died


def run_here(plan: Plan, tasks: Sequence[Task], progress: Progress | None) -> Tally:
    """Run every task in this process."""
    total = Tally.nothing()
    for number, task in enumerate(tasks, 1):
        total += run_task(plan, task)
        if progress is not None:
            progress("score", number / len(tasks))
    return total


def run_on_dask(plan: Plan, tasks: Sequence[Task], progress: Progress | None, *, scheduler: str) -> Tally:
    """Run the tasks on the cluster at `scheduler` (tcp://host:port). Workers see the same files as this machine.

    A worker that dies costs its unfinished task's time: another worker does it again. RiskmapError
    where the extra is not installed, nobody answers, or a task fails.
    """
    total = Tally.nothing()
    with cluster(scheduler) as client:
        for done, (_, tally) in enumerate(results(client, run_task, plan, tasks), 1):
            total += tally
            if progress is not None:
                progress("score", done / len(tasks))
    return total


def check_engine(engine: Engine, scheduler: str | None) -> None:
    """Refuse an engine without a scheduler and a scheduler without its engine."""
    if (engine == "dask") != (scheduler is not None):
        raise RiskmapError(
            "--engine dask 与 --scheduler 地址要一起写", "--engine dask and --scheduler ADDRESS go together"
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
            f"--scheduler {scheduler}：连不上；请先启动 dask scheduler 和 dask worker，地址写成 tcp://主机:8786",
            f"--scheduler {scheduler}: nobody answers; start dask scheduler and dask worker, "
            "and write the address as tcp://host:8786",
        ) from problem
    with client:
        if not client.scheduler_info()["workers"]:
            raise RiskmapError(
                f"--scheduler {scheduler}：没有计算节点；请启动 dask worker {scheduler}",
                f"--scheduler {scheduler}: it has no workers; start dask worker {scheduler}",
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
            f"评分模型不能送到计算节点（{type(problem).__name__}：{problem}）；请用 --engine numpy 在本机评分",
            f"the scoring model cannot travel to the workers ({type(problem).__name__}: {problem}); "
            "score on this machine with --engine numpy",
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
