"""Live collection that loses nothing: sources asked, pages stored, one after another."""

from miner.collector.collect import Options, Outcome, Progress, collect, collect_locked
from miner.collector.labelling import Labeller
from miner.collector.locking import only_job

__all__ = ["Labeller", "Options", "Outcome", "Progress", "collect", "collect_locked", "only_job"]
