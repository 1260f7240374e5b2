"""Parts of a simulated service: its mean, its noise, its outages, bursts and gaps.

Times are minutes since the start of the simulation.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]

RATIOS: Final = (3.0, 5.0, 10.0, 30.0, 100.0, 500.0)
DAY: Final = 1440
_HOLIDAYS_A_YEAR: Final = 8


def means_of(rng: np.random.Generator, n_minutes: int, rate: float) -> Floats:
    """Mean complaints a minute without outages: season, drift, trend and holidays."""
    minutes = np.arange(n_minutes)
    angle = 2 * np.pi * minutes / DAY
    day_shape = rng.uniform(0.7, 1.1) * np.cos(angle - rng.uniform(0, 2 * np.pi))
    day_shape += rng.uniform(0.1, 0.4) * np.cos(2 * angle - rng.uniform(0, 2 * np.pi))
    by_weekday = rng.normal(0, 0.12, 7)
    weekday = (minutes // DAY) % 7
    n_days = -(-n_minutes // DAY)
    holidays = rng.random(n_days) < _HOLIDAYS_A_YEAR / 365
    weekday = np.where(holidays[minutes // DAY], 6, weekday)
    logs = day_shape + by_weekday[weekday] + _drift(rng, n_minutes)
    if rng.random() < 0.5:
        logs = logs + rng.uniform(-0.3, 0.3) * (minutes / n_minutes)
    mean = np.exp(logs)
    scaled: Floats = rate * mean / mean.mean()
    return scaled


def _drift(rng: np.random.Generator, n_minutes: int) -> Floats:
    """Ornstein-Uhlenbeck in logs, standard deviation 0.15 and three days, by the hour."""
    keep = np.exp(-60 / (3 * DAY))
    steps = rng.normal(0, 0.15 * np.sqrt(1 - keep**2), n_minutes // 60 + 2)
    steps[0] = rng.normal(0, 0.15)
    hourly = lfilter([1.0], [1.0, -keep], steps)
    drift: Floats = np.interp(np.arange(n_minutes) / 60, np.arange(len(hourly)), hourly)
    return drift


def noise_of(rng: np.random.Generator, n_minutes: int) -> tuple[Floats, float]:
    """Log-normal noise of mean 1 with a memory of 15 to 40 minutes, and its variance."""
    sd, memory = rng.uniform(0.10, 0.25), rng.uniform(15, 40)
    keep = np.exp(-1 / memory)
    steps = rng.normal(0, sd * np.sqrt(1 - keep**2), n_minutes)
    logs = lfilter([1.0], [1.0, -keep], steps)
    return np.exp(logs - sd**2 / 2), float(np.expm1(sd**2))


def outages_of(
    rng: np.random.Generator, days: int, training_days: int, outages: int, past_outages: int
) -> list[dict[str, float]]:
    """Outages, each in a slot of its own; every ratio as often as any other."""
    planned = []
    spans = ((0, training_days, past_outages), (training_days, days, outages))
    for first_day, last_day, n in spans:
        if not n:
            continue
        slot = (last_day - first_day) * DAY / n
        rounds = [rng.permutation(RATIOS) for _ in range(-(-n // len(RATIOS)))]
        for number, ratio in enumerate(np.concatenate(rounds)[:n].tolist()):
            duration = min(np.exp(rng.uniform(np.log(5), np.log(360))), 0.4 * slot)
            onset = first_day * DAY + slot * number + rng.uniform(0.05, 0.5) * slot
            rise, decay = np.exp(rng.uniform(np.log([0.3, 3]), np.log([3, 15])))
            planned.append(
                {
                    "onset": onset,
                    "end": onset + duration,
                    "ratio": ratio,
                    "rise": rise,
                    "decay": decay,
                }
            )
    return planned


def lifted(planned: list[dict[str, float]], n_minutes: int) -> Floats:
    """Excess over the calm mean by outages, as a multiple of it: 0 in calm minutes."""
    excess = np.zeros(n_minutes)
    for outage in planned:
        onset, end = outage["onset"], outage["end"]
        first = int(onset)
        last = min(n_minutes, int(end + 20 * outage["decay"]) + 1)
        # Ten points a minute: an onset within a minute lifts only the rest of it.
        at = first + (np.arange((last - first) * 10) + 0.5) / 10
        rising = 1 - np.exp(-np.maximum(at - onset, 0) / outage["rise"])
        falling = np.exp(-np.maximum(at - end, 0) / outage["decay"])
        shape = (rising * falling).reshape(-1, 10).mean(axis=1)
        excess[first:last] += (outage["ratio"] - 1) * shape
    return excess


def bursts_of(
    rng: np.random.Generator, days: int, a_month: float, planned: list[dict[str, float]]
) -> list[dict[str, float]]:
    """Joke and news bursts, 15 to 90 minutes, ×1.5 to ×8, three hours off any outage."""
    found: list[dict[str, float]] = []
    for _ in range(rng.poisson(a_month * days / 30)):
        onset = rng.uniform(0, days * DAY - 120)
        end = onset + rng.uniform(15, 90)
        ratio = float(np.exp(rng.uniform(np.log(1.5), np.log(8))))
        near = any(o["onset"] - 180 < end and onset < o["end"] + 180 for o in (*planned, *found))
        if not near:
            found.append({"onset": onset, "end": end, "ratio": ratio})
    return sorted(found, key=lambda burst: burst["onset"])


def gaps_of(rng: np.random.Generator, n_minutes: int, a_month: float) -> Floats:
    """Coverage of each minute, in hundredths: 0 in gaps, partial in as many others."""
    coverage = np.ones(n_minutes)
    for _ in range(rng.poisson(a_month * n_minutes / DAY / 30)):
        first = int(rng.integers(0, n_minutes))
        share = 0.0 if rng.random() < 0.5 else round(rng.uniform(0.2, 0.7), 2)
        coverage[first : first + int(rng.integers(5, 121))] = share
    return coverage
