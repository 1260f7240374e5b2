"""Sampling for money: where to look at posts, and what the sample says about all of them.

Only arithmetic: counts and samples in, plans and intervals out.
"""

from miner.sampler.choosing import choose
from miner.sampler.estimating import Estimate, estimate, share_of
from miner.sampler.planning import Stratum, plan
from miner.sampler.tallying import Tally, tallies

__all__ = ["Estimate", "Stratum", "Tally", "choose", "estimate", "plan", "share_of", "tallies"]
