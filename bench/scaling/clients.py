"""How the cost of one process of the API grows with clients of its stream and with requests."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.bench_api import ask_by_the_clock, followed, send_rounds
from bench.end_to_end.processes import cpu_s, memory_mb
from bench.scaling.results import Point, Run, say
from tests.support.api_stage import Stage, running_stage

CANDLES = "/v1/candles?symbol=BTCUSDT&interval=15m&limit=2880&order=desc"
LIMITS = {"STREAM_QUEUE": "2000", "STREAM_CLIENTS": "10000", "STREAM_CLIENTS_OF_ONE": "10000"}
KEPT_SHARE = 0.95  # of what was asked, or it no longer keeps up


def by_stream_clients(counts: Sequence[int], command: str) -> Run:
    """Have each client read every event; there are 22 a second."""
    run = Run("stream", command)
    with tempfile.TemporaryDirectory() as folder, running_stage(Path(folder), **LIMITS) as stage:
        run.points.extend(say(asyncio.run(stream(stage, clients))) for clients in counts)
    return run


async def stream(stage: Stage, clients: int) -> Point:
    delays: list[float] = []
    async with followed(stage, clients, delays):
        cost = Cost(stage)
        await send_rounds(stage)
        memory = cost.memory()
    return cost.point(clients, memory, {"event written to read": delays} if delays else {})


def by_requests(slope: str, path: str, rates: Sequence[int], seconds: float, command: str) -> Run:
    """Ask for the same by the clock, whether or not the last was answered."""
    run = Run(slope, command)
    with tempfile.TemporaryDirectory() as folder, running_stage(Path(folder), **LIMITS) as stage:
        asyncio.run(ask_by_the_clock(stage, rates[0], 2.0, path))
        for rate in rates:
            run.points.append(say(asyncio.run(requests(stage, path, rate, seconds))))
            if not run.points[-1].is_held:
                break
    return run


async def requests(stage: Stage, path: str, rate: int, seconds: float) -> Point:
    cost = Cost(stage)
    times = await ask_by_the_clock(stage, rate, seconds, path)
    held = len(times) / cost.passed_s() >= KEPT_SHARE * rate
    return cost.point(rate, cost.memory(), {"request due to answered": times}, is_held=held)


class Cost:
    """What the processes of a stage have taken since it was made; this one is the clients."""

    def __init__(self, stage: Stage) -> None:
        self._pids = {
            "API": stage.api.process.pid,
            "ClickHouse": stage.clickhouse.pid,
            "broker": stage.kafka.pid,
        }
        self._began, self._before, self._own = time.monotonic(), self._cpu(), time.process_time()

    def passed_s(self) -> float:
        return time.monotonic() - self._began

    def memory(self) -> dict[str, float]:
        return {name: memory_mb(pid) for name, pid in self._pids.items()}

    def point(
        self,
        at: float,
        memory: dict[str, float],
        delays_s: dict[str, list[float]],
        *,
        is_held: bool = True,
    ) -> Point:
        passed_s, after = self.passed_s(), self._cpu()
        cores = {name: (after[name] - used) / passed_s for name, used in self._before.items()}
        cores["clients"] = (time.process_time() - self._own) / passed_s
        quantiles = {
            name: [float(ms) for ms in np.percentile(np.array(times) * 1000, [50, 95, 99])]
            for name, times in delays_s.items()
        }
        return Point(at, cores, memory, quantiles, {}, is_held)

    def _cpu(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self._pids.items()}
