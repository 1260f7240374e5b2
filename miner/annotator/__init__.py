"""Labelling one's own posts: which is asked next, and a file that loses no verdict.

Nothing here knows a terminal; :mod:`miner.cli.annotate` shows the posts and reads keys.
"""

from miner.annotator.ordering import ORDERS
from miner.annotator.posts import read_posts
from miner.annotator.session import Asked, Session, Suggestion
from miner.annotator.verdicts import ADDED, Verdicts

__all__ = ["ADDED", "ORDERS", "Asked", "Session", "Suggestion", "Verdicts", "read_posts"]
