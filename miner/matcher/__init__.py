"""Posts to candidates: which service a post may complain about, and with what phrase."""

from miner.matcher.match import MODES, Hit, Matcher, match
from miner.matcher.queries import QUERY_LANGUAGES, queries

__all__ = ["MODES", "QUERY_LANGUAGES", "Hit", "Matcher", "match", "queries"]
