"""``python -m miner.testing FOLDER``: write the synthetic demo archives again."""

import sys

from miner.testing.morning import write_demo

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m miner.testing FOLDER")
    for path in write_demo(sys.argv[1]):
        sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")
