"""What a service-bin costs: ``python benchmarks/detection/cost.py``."""

from __future__ import annotations

import time

import numpy as np

from miner.detector.engine import Engine
from miner.detector.thresholds import Thresholds
from ours import FIRST

DAYS = 30
_PART = 4096


def seconds(n_services: int, days: int = DAYS) -> float:
    """Processor seconds for so many services, minute by minute."""
    n_bins = days * 1440
    rng = np.random.default_rng(0)
    y, talk = (rng.poisson(0.5, (n_services, n_bins)).astype(float) for _ in range(2))
    coverage = np.ones_like(y)
    table = Thresholds(1.0, 1.0)
    engine = Engine(n_services, 1.0, FIRST, table, table.usual)
    began = time.process_time()
    for first in range(0, n_bins, _PART):
        cut = slice(first, first + _PART)
        engine.push(y[:, cut], coverage[:, cut], talk[:, cut])
    return time.process_time() - began


def main() -> None:
    """Print microseconds a service-bin for one service and for many."""
    for n_services in (1, 12, 100):
        took = seconds(n_services, DAYS if n_services < 100 else 5)
        n_bins = n_services * (DAYS if n_services < 100 else 5) * 1440
        print(f"{n_services} services: {took / n_bins * 1e6:.1f} us of processor a service-bin")
        if n_services == 1:
            print(f"  a year of minutes of one service: {took / DAYS * 365.25:.0f} s")


if __name__ == "__main__":
    main()
