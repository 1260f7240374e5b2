"""Our detector on simulated worlds, as scores or as alarms."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from miner.detector.engine import Engine
from miner.detector.thresholds import Thresholds
from miner.testing.simulate import START, Simulated

FIRST = int(START.timestamp() // 60)


def binned(sim: Simulated, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Complaints, coverage and talk in bins of so many minutes."""
    shape = (len(sim.names), -1, step)
    seen = sim.coverage > 0
    y = np.where(seen, sim.complaints, 0).reshape(shape).sum(axis=2, dtype=float)
    talk = np.where(seen, sim.mentions - sim.complaints, 0).reshape(shape).sum(axis=2, dtype=float)
    return y, sim.coverage.reshape(shape).mean(axis=2, dtype=float), talk


def run(
    sim: Simulated,
    alarm: Callable[[np.ndarray], np.ndarray],
    *,
    talk: bool = True,
    keep: bool = True,
    step: int = 1,
    coverage: np.ndarray | None = None,
    own_tail: bool = True,
) -> tuple[Engine, np.ndarray, float]:
    """Engine, scores and seconds of a simulation; ``alarm`` maps rates to thresholds.

    ``coverage`` replaces that of the simulation, to see what ignoring it costs; without
    ``own_tail`` scores stay as they are.
    """
    n_services, n_minutes = sim.complaints.shape
    usual = Thresholds(1.0, float(step)).usual if own_tail else None
    engine = Engine(
        n_services, float(step), FIRST // step, lambda r: (alarm(r), alarm(r) * 0.6), usual
    )
    parts: list[np.ndarray] = []
    began = time.time()
    for first in range(0, n_minutes, 7200):
        cut = slice(first, first + 7200)
        part = _cut(sim, cut)
        y, c, other = binned(part, step)
        if coverage is not None:
            c = coverage[:, cut].astype(float)
        rows = engine.push(y, c, other if talk else None)
        parts.append(rows.score.astype(np.float32) if keep else rows.score[:, :0])
    return engine, np.nan_to_num(np.concatenate(parts, axis=1)), time.time() - began


def _cut(sim: Simulated, cut: slice) -> Simulated:
    from dataclasses import replace

    return replace(
        sim,
        complaints=sim.complaints[:, cut],
        mentions=sim.mentions[:, cut],
        coverage=sim.coverage[:, cut],
    )


def alarms(engine: Engine, n_services: int, step: int = 1) -> list[np.ndarray]:
    """Ends of the bins that raised an alarm, in minutes since the start, by service."""
    found: list[list[float]] = [[] for _ in range(n_services)]
    for episode in engine.outages():
        found[episode.service].append((episode.raised + 1) * step - FIRST)
    return [np.array(sorted(times)) for times in found]
