"""What tests and demonstrations are made of; everything simulated says so in its name."""

from miner.testing.morning import SyntheticMorning, write_demo

__all__ = ["SyntheticMorning", "write_demo"]
