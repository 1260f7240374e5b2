"""Figures of series, outages and probabilities. Needs ``pip install "miner[plot]"``.

Every figure reads in grey and without telling red from green: lines differ in weight and
stroke, areas in hatching and lightness, never in colour alone. Times are UTC.
"""

from miner.plotter.canvas import save_figure
from miner.plotter.figures import plot, plot_services
from miner.plotter.reliability import plot_reliability

__all__ = ["plot", "plot_reliability", "plot_services", "save_figure"]
