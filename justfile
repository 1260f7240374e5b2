# One command for everything: `just`

default: lint types contract test

lint:
    ruff check .
    ruff format --check .

types:
    mypy

contract:
    lint-imports

test:
    python -m pytest -q -n auto -m "not slow"

slow:
    python -m pytest -q -n auto -m slow

# Everything that CI runs.
ci: lint types contract test slow

# Train the shipped model from data/corpus; the same corpus gives the same bytes.
model:
    python -m miner.classifier.training

# The study of the detector and the estimator, each promise beside its measurement (an hour).
study:
    python benchmarks/detection
