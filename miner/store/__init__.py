"""One SQLite file: posts, labels, cursors, what was watched; many readers, one writer."""

from miner.store.reading import Store
from miner.store.writer import Context, Stored, Writer

__all__ = ["Context", "Store", "Stored", "Writer"]
