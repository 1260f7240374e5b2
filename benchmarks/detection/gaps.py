"""False alarms with 4 and with 20 gaps a month: ``python benchmarks/detection/gaps.py``."""

from __future__ import annotations

import numpy as np

import measure
import ours
from calibrate import episodes_over
from study import dial
from worlds import SCORE
from miner.testing.simulate import World, simulate


def main() -> None:
    """Print false alarms a service-year at the dial of 1/month, for both."""
    for gaps in (4.0, 20.0):
        sim = simulate(World(services=24, days=210, outages=0, gaps=gaps, seed=SCORE + 1))
        _, score, _ = ours.run(sim, lambda r: np.full(len(r), np.inf))
        limits = dial(12.0)(sim.rates)
        n = sum(len(episodes_over(sim, i, score[i], 1, limits[i])) for i in range(24))
        years = measure.years(sim).sum()
        print(f"{gaps:g} gaps a month: {n} in {years:.1f} service-years, {n / years:.2f} a year")


if __name__ == "__main__":
    main()
