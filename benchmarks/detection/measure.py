"""Alarms held against a simulated truth, by the rules of the study, for any method.

An alarm episode ends after 60 minutes without a crossing. An outage is found by the
first crossing from its onset to its end plus ten minutes, if there was none in the 60
minutes before the onset. An episode away from outages (from an hour before to their
decay plus two hours after) is a false alarm; in a burst it counts apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from miner.testing.simulate import START, Simulated

MERGE = 60
LATE = 10
GUARD = 60
YEAR = 365.25 * 1440


@dataclass
class Found:
    """Per outage: delay in minutes (inf: missed); false alarms and burst alarms a service."""

    delays: np.ndarray
    false_alarms: np.ndarray
    burst_alarms: int
    bursts: int


def minutes(times: pd.Series) -> np.ndarray:
    """Minutes since the start of the simulation."""
    return ((times - START) / pd.Timedelta("1min")).to_numpy(float)


def episodes(crossings: np.ndarray, merge: int = MERGE) -> np.ndarray:
    """First crossing of each episode."""
    if not len(crossings):
        return crossings
    return crossings[np.concatenate([[True], np.diff(crossings) > merge])]


def judge(sim: Simulated, crossings: list[np.ndarray], step: int = 1) -> Found:
    """Judge the crossings of each service: ends of crossing bins, in minutes, sorted."""
    training = sim.world.training_days * 1440
    delays, false, on_bursts, n_bursts = [], [], 0, 0
    for index, name in enumerate(sim.names):
        at = np.asarray(crossings[index], dtype=float)
        at = at[at > training]
        outages = sim.outages[sim.outages["service"] == name]
        onset, end = minutes(outages["onset"]), minutes(outages["end"])
        decay = outages["decay"].to_numpy(float)
        for o, e in zip(onset, end, strict=True):
            if o < training:
                continue
            inside = at[(at >= o) & (at <= e + LATE + step)]
            running = ((at >= o - GUARD) & (at < o)).any()
            delays.append(inside[0] - o if len(inside) and not running else np.inf)
        first = episodes(at)
        excused = np.zeros(len(first), dtype=bool)
        for o, e, d in zip(onset, end, decay, strict=True):
            excused |= (first >= o - MERGE) & (first <= e + 5 * d + 120)
        bursts = sim.bursts[(sim.bursts["service"] == name)]
        b_on, b_end = minutes(bursts["onset"]), minutes(bursts["end"])
        for o, e in zip(b_on, b_end, strict=True):
            if o < training:
                continue
            n_bursts += 1
            inside = (first >= o) & (first <= e + 30)
            on_bursts += bool(((at >= o) & (at <= e + 30)).any())
            excused |= inside
        false.append(int((~excused).sum()))
    return Found(np.array(delays), np.array(false), on_bursts, n_bursts)


def crossings_of(score: np.ndarray, threshold: np.ndarray, step: int = 1) -> list[np.ndarray]:
    """Ends, in minutes, of the bins whose score reaches a threshold a service."""
    return [
        (np.flatnonzero(row >= limit) + 1) * step
        for row, limit in zip(score, threshold, strict=True)
    ]


def years(sim: Simulated) -> np.ndarray:
    """Watched service-years after training, of each service."""
    return (sim.coverage[:, sim.world.training_days * 1440 :] > 0).sum(axis=1) / YEAR
