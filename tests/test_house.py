"""Rules of the house that no other tool checks."""

import ast
import re
from pathlib import Path

import miner
import pytest

REPOSITORY = Path(__file__).parents[1]
MODULES = sorted((REPOSITORY / "miner").rglob("*.py"))


def test_the_public_names_are_sorted_and_there():
    assert miner.__all__ == sorted(miner.__all__)
    assert all(getattr(miner, name) for name in miner.__all__)
    assert set(miner.__all__) <= set(dir(miner))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        miner.nothing  # noqa: B018


def test_importing_the_package_does_not_load_pandas():
    import subprocess
    import sys

    code = "import sys, miner, miner.cli; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_rooms_are_small(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_module_and_public_function_has_a_docstring(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree) or not tree.body
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_no_path_of_a_machine_is_in_the_sources():
    for path in (*MODULES, REPOSITORY / "README.md", REPOSITORY / "pyproject.toml"):
        assert not re.search(r"(?<![\w.])/(?:home|root|work|Users)/", path.read_text("utf-8")), path
