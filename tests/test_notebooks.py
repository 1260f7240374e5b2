"""Every notebook runs from top to bottom, and so does the Python of the README."""

import json
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def _no_windows(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), path.name, "exec"), names)
    assert names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_small_outputs_without_errors(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]

    assert outputs
    assert path.stat().st_size < 200_000
    assert not any(output["output_type"] == "error" for output in outputs)


def test_the_python_of_the_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["series"]["complaints"].sum() > 1_000


def test_the_commands_of_the_readme_exist():
    from miner.cli import COMMANDS

    text = (REPOSITORY / "README.md").read_text()
    shown = set(re.findall(r"^miner (\w+)", text, re.MULTILINE))
    assert shown <= set(COMMANDS)
    assert {"mine", "label", "count", "services", "evaluate"} <= shown
