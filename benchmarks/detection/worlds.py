"""The worlds of the study: one set of seeds to tune on, another to score once."""

from __future__ import annotations

from miner.testing.simulate import RATES, Simulated, World, simulate

#: Seeds: thresholds and constants are set on the first, figures come from the second, which is
#: a new one whenever the detector was changed after looking at figures (2000 was used up so).
TUNE, SCORE = 1000, 3000
TRAINING_DAYS = 28


def quiet_years(seed: int, services: int = 108, days: int = 364) -> Simulated:
    """Outage-free service-years after four weeks with outages; with joke bursts and gaps."""
    return simulate(
        World(
            services=services,
            days=TRAINING_DAYS + days,
            training_days=TRAINING_DAYS,
            outages=0,
            seed=seed,
        )
    )


def outage_months(seed: int, services: int = 60) -> Simulated:
    """Twelve outages a service in 28 days, after four weeks with two; all independent."""
    return simulate(World(services=services, seed=seed))


__all__ = ["RATES", "SCORE", "TRAINING_DAYS", "TUNE", "outage_months", "quiet_years"]
