"""The scheduled job: a configuration file, one whole pass, and following without an end."""

from miner.job.config import Config, Export, Feed
from miner.job.passing import Pass, run_pass
from miner.job.reading import read_config
from miner.job.standing import Standing, standing
from miner.job.watching import watch

__all__ = [
    "Config",
    "Export",
    "Feed",
    "Pass",
    "Standing",
    "read_config",
    "run_pass",
    "standing",
    "watch",
]
