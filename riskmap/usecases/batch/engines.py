"""Where the tasks run: one after the other in this process, or on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        shared = client.scatter(plan, broadcast=True)
        futures = client.map(run_task, [shared] * len(tasks), tasks, retries=_TRIES, pure=False)
        total = Tally.nothing()
        for done, future in enumerate(distributed.as_completed(futures, loop=client.loop), 1):
            try:
                total += future.result()
            except RiskmapError:
                raise
            except Exception as problem:
                raise RiskmapError(
                    f"计算节点出错：{type(problem).__name__}：{problem}；已完成的分片保留，请排除后重新运行",
                    f"a worker failed: {type(problem).__name__}: {problem}; put it right and run again",
                ) from problem
            if progress is not None:
                progress("score", done / len(tasks))
    return total


def _distributed() -> Any:
    try:
        import distributed  # noqa: PLC0415 - an extra
    except ImportError as problem:
        raise RiskmapError(
            '--engine dask 需要附加组件；请运行 pip install "riskmap[dask]"',
            '--engine dask needs an extra; run pip install "riskmap[dask]"',
        ) from problem
    return distributed
