"""What tests and demonstrations are made of; everything simulated says so in its name."""

from miner.testing.clock import FakeClock
from miner.testing.morning import SyntheticMorning, write_demo
from miner.testing.simulate import Simulated, World, simulate
from miner.testing.sources import ContractError, check_source

__all__ = [
    "ContractError",
    "FakeClock",
    "Simulated",
    "SyntheticMorning",
    "World",
    "check_source",
    "simulate",
    "write_demo",
]
