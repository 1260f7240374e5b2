"""Outages held against a truth list, with intervals.

Each function says what is undefined; an undefined figure is ``nan``, never 0. An alarm
earns an outage only when it was raised after the onset, and when no alarm was running
then: a detector that is always in alarm finds nothing.

>>> truth = read_times([("a", "10:00", "11:00"), ("a", "15:00", "16:00")])
>>> found = read_times([("a", "10:02", "11:05"), ("a", "20:00", "20:30")], detected=True)
>>> result = score(found, truth, start="2024-01-01T00:00Z", end="2024-01-31T00:00Z")
>>> result.recall.value, result.precision.value, result.delay_median.value
(0.5, 0.5, 2.0)
>>> result.false_alarms_a_month.value > 0.98  # 1 in 30 days of 30.4
True
"""

from miner.scorer.figures import Figure, quantile, rate, share
from miner.scorer.matching import match, read_times
from miner.scorer.scoring import MONTH_DAYS, Score, check_duration, score

__all__ = [
    "MONTH_DAYS",
    "Figure",
    "Score",
    "check_duration",
    "match",
    "quantile",
    "rate",
    "read_times",
    "score",
    "share",
]
