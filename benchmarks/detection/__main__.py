"""The whole study in one command: ``python benchmarks/detection [SERVICES] [METHOD ...]``.

Runs the simulated study (study.py), gaps, cost, the demo, the real streams and the
estimator, one after another, and prints each number the project promises beside its
measurement. Thresholds are those in the package (calibrate.py writes them).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cost
import gaps
import isp
import miner
import study
from miner.mining import Options, mine
from miner.testing.morning import ONSET

HERE = Path(__file__).parent
DEMO = HERE.parents[1] / "data" / "demo"


def demo() -> None:
    """Print what is found in the demo morning."""
    split = mine(str(DEMO), Options(services=["whatsapp"], freq="1min", by="symptom")).series
    outages = miner.detect(split).outages
    print(f"{len(outages)} outage(s); goal: 1, onset within 5 min, led by send")
    for row in outages.itertuples():
        late = (row.onset - ONSET).total_seconds() / 60
        print(f"  onset {late:+.1f} min from the truth, symptoms {row.symptoms}")


def estimator() -> None:
    """Run the study of the estimator, where it is."""
    try:
        import estimation
    except ImportError as error:
        print(f"left out: {error}")
        return
    sys.argv = [sys.argv[0]]
    estimation.main()


def main() -> None:
    """Run all parts."""
    services = int(sys.argv[1]) if len(sys.argv) > 1 else 108
    parts = (
        ("1 to 3. simulated services", lambda: study.run(services, sys.argv[2:])),
        ("4. demo", demo),
        ("5. real streams", isp.main),
        ("6. estimator", estimator),
        ("7. gaps", gaps.main),
        ("7. cost", cost.main),
    )
    for title, part in parts:
        print(f"\n== {title}", flush=True)
        part()


if __name__ == "__main__":
    main()
