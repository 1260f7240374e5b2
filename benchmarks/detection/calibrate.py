"""Thresholds by replay: the score that outage-free years reach so often.

``python benchmarks/detection/calibrate.py`` replays the quiet years of the tuning seeds
without alarms, at bins of 1, 5 and 60 minutes, and writes for each bin width, rate of a
service and number of false alarms a year the score to be reached. Beyond the last 60
episodes the tail is taken as exponential; the larger of the fitted and the counted
threshold is used, and the numbers are for nine tenths of the false alarms named, and two
thirds of one a year and fewer, whose tail is known less, so that the promise holds on other
years too. A first replay, of scores as they are, gives the same table as "usual": the scale that
the scores of each service are put on in the second one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import measure
import ours
from miner.detector import thresholds as read
from miner.testing.simulate import Simulated
from worlds import RATES, TUNE, quiet_years

TARGET = Path(__file__).parents[2] / "miner/detector/thresholds.json"
LEVELS = (365.25, 52.0, 12.0, 4.0, 1.0, 0.25, 0.1)
CAUTION, CAUTION_RARE = 0.9, 0.67
WIDTHS = (1, 5, 60)
_TAIL = 60


def episodes_over(
    sim: Simulated, index: int, score: np.ndarray, step: int, least: float
) -> np.ndarray:
    """Highest score of each false episode of one service over a score."""
    at = np.flatnonzero(score >= least)
    minutes = (at + 1) * step
    kept = minutes > sim.world.training_days * 1440
    at, minutes = at[kept], minutes[kept]
    if not len(at):
        return np.zeros(0)
    groups = np.concatenate([[0], np.cumsum(np.diff(minutes) > measure.MERGE)])
    first = minutes[np.concatenate([[True], np.diff(groups) > 0])]
    peaks = np.zeros(groups[-1] + 1)
    np.maximum.at(peaks, groups, score[at])
    keep = np.ones(len(first), dtype=bool)
    name = sim.names[index]
    for table, tail in ((sim.outages, 200), (sim.bursts, 30 + step)):
        own = table[table["service"] == name]
        for o, e in zip(measure.minutes(own["onset"]), measure.minutes(own["end"]), strict=True):
            keep &= ~((first >= o - 60) & (first <= e + tail))
    return peaks[keep]


def thresholds(sim: Simulated, own: np.ndarray, score: np.ndarray, step: int) -> list[float]:
    """Scores that so many episodes a year reach, for each of the levels."""
    years = measure.years(sim)[own].sum()
    grid = np.arange(3.0, 45.0, 0.25)
    peaks = {
        u: np.concatenate([episodes_over(sim, i, score[i], step, u) for i in own]) for u in grid
    }
    counts = np.array([len(peaks[u]) for u in grid])
    found = []
    for level in LEVELS:
        n = level * (CAUTION if level > 1 else CAUTION_RARE) * years
        counted = grid[np.argmax(counts <= n)] if (counts <= n).any() else grid[-1]
        base = grid[np.argmax(counts <= _TAIL)]
        over = peaks[base]
        fitted = 0.0
        if n < len(over) >= 10:
            fitted = base + np.mean(over - base) * np.log(len(over) / n)
        found.append(round(float(max(counted, fitted)), 2))
    return found


def replayed(sim: Simulated, usual: bool) -> dict[str, dict[str, list[float]]]:
    """Thresholds by width of a bin and rate; ``usual`` puts scores on the scale of the file."""
    table = {}
    for step in WIDTHS:
        _, score, seconds = ours.run(
            sim, lambda r: np.full(len(r), np.inf), step=step, own_tail=usual
        )
        print(f"{step} min: {seconds:.0f} s, {seconds / score.size * 1e6:.2f} us a service-bin")
        rows = {}
        for rate in RATES:
            own = np.flatnonzero(sim.rates == rate)
            rows[f"{rate:g}"] = thresholds(sim, own, score, step)
            print(f"  {rate:g}/min: {rows[f'{rate:g}']}", flush=True)
        table[str(step)] = rows
    return table


def main() -> None:
    """Replay twice and write the table."""
    services = int(sys.argv[1]) if len(sys.argv) > 1 else 108
    sim = quiet_years(TUNE, services)
    value = {
        "made_by": f"python benchmarks/detection/calibrate.py {services}",
        "false_alarms_a_year": LEVELS,
    }
    for name in ("usual", "thresholds"):
        print(name)
        value[name] = replayed(sim, name == "thresholds")
        # The second replay reads the first one's table; before it has thresholds of its own,
        # the same ones stand for them.
        text = json.dumps({"thresholds": value["usual"], **value}, indent=1)
        TARGET.write_text(text + "\n", "utf-8")
        read._table.cache_clear()  # noqa: SLF001 - the file was written again


if __name__ == "__main__":
    main()
