"""Wind fields: one track, an ensemble, memory at a million points, and other ways to the same figures.

The others compute the strongest wind alone (a field holds its hours too), with what does not depend on
the point left out of their time: a plain loop over nodes and points, numpy over all points node by node, and
numpy over nodes × points at once.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.measure import Line, spent
from riskmap.hazards.track import Nodes, prepared
from riskmap.hazards.vortex import Model
from riskmap.hazards.wind_field import ensemble, wind_field
from riskmap.values.hazards import Track

NODES, POINTS, MEMBERS = 97, 42_336, 20
LOOPED = 400  # points of the plain loop; its time is scaled to all of them


def wind(_home: Path, large: int) -> list[Line]:
    track, (lon, lat) = _track(), _places(POINTS)
    lines = []
    for model in ("holland1980", "holland2010", "radii"):
        took = spent(lambda m=model: wind_field(track, lon, lat, model=cast("Model", m)))
        lines.append(
            Line(f"{model}, {NODES} nodes × {POINTS:,} points", min(took.walls), "s", 0.5, str(took))
        )
        if model == "holland1980":
            lines += _compared(track, lon, lat, min(took.cpus))
    members = [replace(track, lat=track.lat + i * 0.02, member=str(i)) for i in range(MEMBERS)]
    for model in ("holland1980", "radii"):
        took = spent(lambda m=model: ensemble(members, lon, lat, model=cast("Model", m)), runs=1)
        lines.append(Line(f"{model}, {MEMBERS} members", took.wall, "s", 8.0, str(took)))
    took = spent(lambda: wind_field(track, lon, lat, model="radii", band=True), runs=1)
    lines.append(Line("radii with its band", took.wall, "s", None, str(took)))
    idle, full = _alone(0), _alone(large)
    peak = full["peak"] / 1e6
    note = f"whole process; {idle['peak'] / 1e6:.0f} MB before; {full['wall']:.3g} s"
    return [*lines, Line(f"memory at {large:,} points", peak, "MB", 1000.0, note)]


def _track() -> Track:
    """Two days in half hours, past the district at 20 km/h."""
    k = np.arange(NODES)
    full = np.ones(NODES)
    return Track(
        name="benchmark",
        source="nodes",
        time=np.datetime64("2018-09-15T06:00:00", "s") + k * np.timedelta64(30, "m"),
        lat=19.8 + 0.04 * k,
        lon=117.5 - 0.09 * k,
        pressure=955.0 + 0.1 * k,
        wind=40.0 * full,
        averaging=10.0,
        environment=1005.0 * full,
        radius=40.0 * full,
        radii={15.4: np.full((NODES, 4), 320.0), 25.7: np.full((NODES, 4), 160.0)},
    )


def _places(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(113.8, 114.6, count), rng.uniform(22.4, 22.9, count)


def _compared(track: Track, lon: np.ndarray, lat: np.ndarray, own: float) -> list[Line]:
    """Return how many times the CPU of a field (`own`, s) the others take, and by how much their winds differ."""
    nodes = prepared(track)
    found = wind_field(track, lon, lat, model="holland1980").max_wind
    some = lon[:LOOPED].tolist(), lat[:LOOPED].tolist()
    loop = spent(lambda: _loop(nodes, *some), runs=1)
    scaled = loop.cpu * POINTS / LOOPED
    apart = np.abs(np.array(_loop(nodes, *some)) - found[:LOOPED]).max()
    note = f"loop over {LOOPED} points, scaled to {POINTS:,}: {scaled:.3g} s; winds differ by {apart:.1e} m/s"
    lines = [Line("plain loop ÷ field", scaled / own, "×", None, note)]
    for name, other in (("numpy node by node", _by_node), ("numpy nodes × points at once", _at_once)):
        whole = spent(lambda other=other: other(nodes, lon, lat))
        apart = np.abs(other(nodes, lon, lat) - found).max()
        note = f"{min(whole.cpus):.3g} s; winds differ by {apart:.1e} m/s"
        lines.append(Line(f"{name} ÷ field", min(whole.cpus) / own, "×", None, note))
    return lines


def _by_node(nodes: Nodes, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Holland 1980 in numpy, double precision, on the points within reach of each node."""
    best = np.zeros(len(lon))
    for i in range(len(nodes)):
        x = (lon - nodes.lon[i]) * np.cos(np.radians(nodes.lat[i])) * 111.12
        y = (lat - nodes.lat[i]) * 111.12
        r = np.hypot(x, y)
        near = np.flatnonzero(r <= 300.0)
        x, y, r = x[near], y[near], r[near]
        still = max(nodes.wind[i] - nodes.speed[i], 0.0) / 0.9
        drop = nodes.drop[i] * 100.0
        b = min(max(still**2 * np.e * 1.15 / drop, 1.0), 2.5)
        half = r * 1000.0 * 7.29e-5 * np.sin(np.radians(abs(nodes.lat[i])))
        p = (nodes.radius[i] / r) ** b
        turning = 0.9 * (np.sqrt(b / 1.15 * p * drop * np.exp(-p) + half**2) - half)
        share = np.minimum(1.0, nodes.radius[i] / r)
        u = -turning * y / r + share * nodes.east[i]
        v = turning * x / r + share * nodes.north[i]
        best[near] = np.maximum(best[near], np.hypot(u, v))
    return best


def _at_once(nodes: Nodes, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Holland 1980 in numpy, double precision, on arrays of nodes × points."""
    node_lat, radius = nodes.lat[:, None], nodes.radius[:, None]
    x = (lon - nodes.lon[:, None]) * np.cos(np.radians(node_lat)) * 111.12
    y = (lat - node_lat) * 111.12
    r = np.hypot(x, y)
    drop = nodes.drop[:, None] * 100.0
    still = np.maximum(nodes.wind - nodes.speed, 0.0)[:, None] / 0.9
    b = np.clip(still**2 * np.e * 1.15 / drop, 1.0, 2.5)
    half = r * 1000.0 * 7.29e-5 * np.sin(np.radians(np.abs(node_lat)))
    p = (radius / r) ** b
    turning = 0.9 * (np.sqrt(b / 1.15 * p * drop * np.exp(-p) + half**2) - half)
    share = np.minimum(1.0, radius / r)
    u = -turning * y / r + share * nodes.east[:, None]
    v = turning * x / r + share * nodes.north[:, None]
    return np.where(r <= 300.0, np.hypot(u, v), 0.0).max(axis=0)


def _loop(nodes: Nodes, lon: list[float], lat: list[float]) -> list[float]:
    """Holland 1980 as one writes it first: a loop over points in a loop over nodes, all plain numbers."""
    best = [0.0] * len(lon)
    radius, east, north = nodes.radius.tolist(), nodes.east.tolist(), nodes.north.tolist()
    for i, (node_lon, node_lat) in enumerate(zip(nodes.lon.tolist(), nodes.lat.tolist(), strict=True)):
        still = max(float(nodes.wind[i] - nodes.speed[i]), 0.0) / 0.9
        drop = float(nodes.drop[i]) * 100.0
        b = min(max(still**2 * math.e * 1.15 / drop, 1.0), 2.5)
        f = 2 * 7.29e-5 * math.sin(math.radians(abs(node_lat)))
        wide = math.cos(math.radians(node_lat)) * 111.12
        for j in range(len(lon)):
            x = (lon[j] - node_lon) * wide
            y = (lat[j] - node_lat) * 111.12
            r = math.hypot(x, y)
            if r > 300.0:
                continue
            p = (radius[i] / r) ** b
            half = r * 500.0 * f
            turning = 0.9 * (math.sqrt(b / 1.15 * p * drop * math.exp(-p) + half**2) - half)
            share = min(1.0, radius[i] / r)
            u = -turning * y / r + share * east[i]
            v = turning * x / r + share * north[i]
            best[j] = max(best[j], math.hypot(u, v))
    return best


def _alone(points: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.wind", str(points)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _child(points: str) -> None:
    clock = time.perf_counter()
    if int(points):
        wind_field(_track(), *_places(int(points)), model="radii", band=True)
    peak = _peak()
    print(json.dumps({"wall": time.perf_counter() - clock, "peak": peak}))


def _peak() -> float:
    """Return the most memory of this process, bytes; Linux counts that of the parent in ru_maxrss."""
    status = Path("/proc/self/status")
    if status.is_file():
        return float(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    _child(*sys.argv[1:])
