"""What tests and demonstrations are made of; everything simulated says so in its name."""

from miner.testing.morning import SyntheticMorning, write_demo
from miner.testing.simulate import Simulated, World, simulate

__all__ = ["Simulated", "SyntheticMorning", "World", "simulate", "write_demo"]
