"""Simulated complaint series with known outages, minute by minute.

Nothing in it is real. The world is that of the study behind this detector, with what
the study lacked: every service is drawn on its own, posts may arrive late, holidays
change the day, outages may hit several services at once. The same settings and seed
give the same numbers.

A service has a mean intensity ``mu`` of complaints a minute: its rate, a daily shape of
two harmonics and a day of the week (about 1 : 10 from trough to peak), a slow drift
(Ornstein-Uhlenbeck in logs, standard deviation 0.15, three days), for half of the
services a trend, and holidays that look like a Sunday. The intensity also wanders by
log-normal noise with a memory of 15 to 40 minutes, which is not part of ``mu``. Counts
cluster (negative binomial, variance 1 to 1.6 times the mean). An outage of ratio R
lifts the mean to R ``mu``: it rises with a time constant of 0.3 to 3 minutes, stays,
and from its end on decays with one of 3 to 15 minutes. A joke or news burst is talk of
which a share (the leakage) is labelled as complaints by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from miner.testing.shapes import (
    Floats,
    bursts_of,
    gaps_of,
    lifted,
    means_of,
    noise_of,
    outages_of,
)

START: Final = pd.Timestamp("2024-01-01T00:00Z")
RATES: Final = (0.02, 0.1, 0.5, 2.0, 10.0, 50.0)

Counts = NDArray[np.int32]


@dataclass(frozen=True)
class World:
    """Settings of a simulation.

    Args:
        services: how many; they take ``rates`` in turn.
        rates: mean complaints a minute of a service at full coverage.
        days: length, from a Monday on.
        training_days: the first days, with ``past_outages`` instead of ``outages``.
        outages: a service, spread over the days after the training days.
        past_outages: a service, within the training days.
        bursts: joke or news bursts a service and 30 days.
        leakage: share of the posts of a burst that is labelled as complaints.
        gaps: a service and 30 days, 5 to 120 minutes; half of them not watched at all,
            half watched in part (coverage 20 to 70 %).
        late: share of posts that arrive 1 to 10 minutes late.
        linked: whether services of one rate have their outages at the same times.
        seed: of everything that is drawn.
    """

    services: int = 6
    rates: tuple[float, ...] = RATES
    days: int = 56
    training_days: int = 28
    outages: int = 12
    past_outages: int = 2
    bursts: float = 2.0
    leakage: float = 0.2
    gaps: float = 4.0
    late: float = 0.03
    linked: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Simulated:
    """A simulation: arrays of shape (services, minutes), and the truth behind them.

    ``complaints, chatter, mentions, authors`` are counts, to be ignored where
    ``coverage`` is 0. ``mu`` is the true mean of complaints at full coverage without
    outages and bursts, ``phi`` and ``alpha`` the noise: a count has the variance
    ``phi mu + alpha mu²``. ``outages`` has ``service, onset, end, ratio, rise, decay`` and
    ``bursts`` has ``service, onset, end, ratio`` (times in UTC; minutes for rise, decay).
    """

    world: World
    names: tuple[str, ...]
    rates: Floats
    complaints: Counts
    chatter: Counts
    mentions: Counts
    authors: Counts
    coverage: NDArray[np.float32]
    mu: NDArray[np.float32]
    phi: Floats
    alpha: Floats
    outages: pd.DataFrame
    bursts: pd.DataFrame

    def series(self) -> pd.DataFrame:
        """The series table: one row a service and minute, null where nobody watched."""
        n_services, n_minutes = self.complaints.shape
        times = START + pd.to_timedelta(np.arange(n_minutes), unit="min")
        table = pd.DataFrame(
            {
                "bin_start": np.tile(times.to_numpy(), n_services),
                "service": np.repeat(np.array(self.names), n_minutes),
                "coverage": self.coverage.ravel().astype("float64"),
            }
        )
        table["bin_start"] = pd.to_datetime(table["bin_start"], utc=True)
        unwatched = self.coverage.ravel() == 0
        for name in ("mentions", "complaints", "authors", "chatter"):
            table[name] = pd.array(getattr(self, name).ravel(), dtype="Int64")
            table.loc[unwatched, name] = pd.NA
        return table


def simulate(world: World | None = None) -> Simulated:
    """Complaint series of a world of services, with the truth.

    >>> made = simulate(World(services=1, rates=(2.0,), days=2, training_days=1,
    ...                       outages=1, past_outages=0, seed=1))
    >>> made.complaints.shape
    (1, 2880)
    >>> made.outages[["service", "ratio"]].to_dict("list")["service"]
    ['service-00-2']
    """
    world = World() if world is None else world
    parts = [_service(world, index) for index in range(world.services)]
    outages = pd.concat([part[2] for part in parts], ignore_index=True)
    bursts = pd.concat([part[3] for part in parts], ignore_index=True)
    stack = {name: np.stack([part[0][name] for part in parts]) for name in parts[0][0]}
    return Simulated(
        world=world,
        names=tuple(_name(world, index) for index in range(world.services)),
        rates=np.array([_rate(world, index) for index in range(world.services)]),
        complaints=stack["complaints"].astype(np.int32),
        chatter=stack["chatter"].astype(np.int32),
        mentions=stack["mentions"].astype(np.int32),
        authors=stack["authors"].astype(np.int32),
        coverage=stack["coverage"].astype(np.float32),
        mu=stack["mu"].astype(np.float32),
        phi=np.array([part[1][0] for part in parts]),
        alpha=np.array([part[1][1] for part in parts]),
        outages=outages,
        bursts=bursts,
    )


def _rate(world: World, index: int) -> float:
    return world.rates[index % len(world.rates)]


def _name(world: World, index: int) -> str:
    return f"service-{index:02d}-{_rate(world, index):g}"


def _service(
    world: World, index: int
) -> tuple[dict[str, Floats], tuple[float, float], pd.DataFrame, pd.DataFrame]:
    """Arrays of one service, its noise (phi, alpha), and its outages and bursts."""
    rng = np.random.default_rng([world.seed, index])
    n_minutes = world.days * 1440
    mu = means_of(rng, n_minutes, _rate(world, index))
    noise, alpha = noise_of(rng, n_minutes)
    phi = rng.uniform(1.0, 1.6)
    # Linked services draw the times of their outages from one stream.
    group = index // len(world.rates) * len(world.rates) if world.linked else index
    planned = outages_of(
        np.random.default_rng([world.seed, group, 1]),
        world.days,
        world.training_days,
        world.outages,
        world.past_outages,
    )
    burst_rows = bursts_of(rng, world.days, world.bursts, planned)
    excess = mu * noise * lifted(planned, n_minutes)
    calm = mu * noise
    coverage = gaps_of(rng, n_minutes, world.gaps)
    talk = rng.poisson(calm * _burst_shape(burst_rows, n_minutes) / max(world.leakage, 1e-9))
    leaked = rng.binomial(talk, world.leakage)
    counts = {
        "complaints": _clustered(rng, calm + excess, phi) + leaked,
        "chatter": _clustered(rng, 0.3 * calm + 0.25 * excess, phi) + talk - leaked,
        "other": _clustered(rng, 0.7 * calm + 0.15 * excess, phi),
    }
    counts = {
        name: _seen(rng, _delayed(rng, c, world.late), coverage) for name, c in counts.items()
    }
    arrays = {
        "complaints": counts["complaints"],
        "chatter": counts["chatter"],
        "mentions": counts["complaints"] + counts["chatter"] + counts["other"],
        "authors": rng.binomial(counts["complaints"], 0.97),
        "coverage": coverage,
        "mu": mu,
    }
    name = _name(world, index)
    return arrays, (phi, alpha), _table(planned, name), _table(burst_rows, name)


def _burst_shape(bursts: list[dict[str, float]], n_minutes: int) -> Floats:
    """Extra complaints by leaked talk over the calm mean: rising to the middle, falling."""
    shape = np.zeros(n_minutes)
    for burst in bursts:
        first, last = int(burst["onset"]), min(int(burst["end"]) + 1, n_minutes)
        at = (np.arange(first, last) + 0.5 - burst["onset"]) / (burst["end"] - burst["onset"])
        shape[first:last] += (burst["ratio"] - 1) * np.sin(np.pi * np.clip(at, 0, 1))
    return shape


def _clustered(rng: np.random.Generator, mean: Floats, phi: float) -> NDArray[np.int64]:
    """Negative binomial counts with variance ``phi`` times the mean."""
    if phi <= 1.001:
        return rng.poisson(mean)
    drawn: NDArray[np.int64] = rng.poisson(rng.gamma(mean / (phi - 1), phi - 1))
    return drawn


def _delayed(rng: np.random.Generator, counts: NDArray[np.int64], late: float) -> NDArray[np.int64]:
    """Counts by time of arrival: a share comes 1 to 10 minutes later."""
    if not late:
        return counts
    moved = rng.binomial(counts, late)
    shifted = counts - moved
    shift = int(rng.integers(1, 11))
    shifted[shift:] += moved[:-shift]
    return shifted


def _seen(
    rng: np.random.Generator, counts: NDArray[np.int64], coverage: Floats
) -> NDArray[np.int64]:
    partial = coverage < 1
    seen = counts.copy()
    seen[partial] = rng.binomial(counts[partial], coverage[partial])
    return seen


def _table(rows: list[dict[str, float]], service: str) -> pd.DataFrame:
    columns = ["onset", "end", "ratio", "rise", "decay"]
    table = pd.DataFrame(rows, columns=columns)
    for name in ("onset", "end"):
        seconds = (table[name].astype("float64") * 60).round()
        table[name] = START + pd.to_timedelta(seconds, unit="s")
    table.insert(0, "service", pd.Series([service] * len(rows), dtype="str"))
    return table
