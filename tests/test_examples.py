"""The examples of docs/job.md: each is read by its own tool, and its commands run."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from jetstream_server import JetstreamServer, made_events

EXAMPLES = Path(__file__).parents[1] / "docs/examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outages")
    with JetstreamServer(made_events(20)) as server:
        (folder / "miner.toml").write_text(
            'database = "outages.db"\nservices = ["whatsapp"]\n'
            '[schedule]\nevery = "5m"\nstale_after = "36500d"\n'
            f'[sources.bluesky]\nurl = "{server.url}"\n'
            "[sources.bluesky.options]\nidle = 0.3\n"
            '[[exports]]\nfile = "series.csv"\n'
        )
        yield folder


def commands(name):
    """Command lines of miner in an example."""
    text = (EXAMPLES / name).read_text("utf-8")
    if name == "Containerfile":
        entry = json.loads(re.search(r"^ENTRYPOINT (.*)", text, re.MULTILINE)[1])
        found = re.findall(r"^(?:CMD|HEALTHCHECK .*CMD) (\[.*\])", text, re.MULTILINE)
        lists = [json.loads(words) for words in found]
        return [words if words[0] == "miner" else [*entry, *words] for words in lists]
    if name.endswith(".yml"):
        steps = yaml.safe_load(text)["jobs"]["pass"]["steps"]
        lines = [step["run"] for step in steps if step.get("run", "").startswith("miner")]
    else:
        lines = re.findall(r"^(?:ExecStart=|[*\d].*&& )(.*?)(?: >/dev/null)?$", text, re.MULTILINE)
    return [["miner", *shlex.split(line)[1:]] for line in lines]


CASES = [
    (name, words)
    for name in ("crontab", "miner.service", "github-workflow.yml", "miner-watch.service")
    for words in commands(name)
] + [("Containerfile", words) for words in commands("Containerfile")]


@pytest.mark.parametrize(("name", "words"), CASES)
def test_its_commands_run(name, words, folder):
    given = {"/etc/miner/miner.toml": "miner.toml"}
    words = [given.get(word, word) for word in words[1:]]
    if words[0] == "status" and not (folder / "series.csv").exists():
        run(folder, "run", "--config", "miner.toml")
    if words[0] == "watch":  # it has no end: its words are checked, and the rest elsewhere
        words.append("--help")
    result = run(folder, *words)

    assert result.returncode == 0, result.stderr
    assert words[0] == "watch" or (folder / "series.csv").exists()


def run(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "miner", *words],
        check=False, capture_output=True, text=True, cwd=folder, timeout=120,
    )  # fmt: skip


def test_every_example_has_a_command():
    assert [len(commands(name)) for name in ("crontab", "miner.service", "Containerfile")] == [
        2, 1, 2,
    ]  # fmt: skip
    assert len(commands("github-workflow.yml")) == len(commands("miner-watch.service")) == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path):
    for path in EXAMPLES.glob("miner*.*"):
        if path.suffix in {".service", ".timer"}:
            text = path.read_text("utf-8").replace("/opt/miner/bin/miner", "/bin/true")
            (tmp_path / path.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    assert len(units) == 3
    result = subprocess.run(
        ["systemd-analyze", "verify", *units], check=False, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stderr
    mine = [line for line in result.stderr.splitlines() if "miner" in line]
    assert mine == []


def test_the_workflow_is_one_that_keeps_its_database():
    workflow = yaml.safe_load((EXAMPLES / "github-workflow.yml").read_text("utf-8"))
    # YAML reads the key "on" as true.
    assert workflow[True]["schedule"]
    assert workflow["concurrency"]["cancel-in-progress"] is False
    job = workflow["jobs"]["pass"]
    assert all(value.startswith("${{ secrets.") for value in job["env"].values())
    uses = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
    assert uses.index("actions/cache/restore") < uses.index("actions/cache/save")


def test_the_page_names_every_example():
    page = (EXAMPLES.parent / "job.md").read_text("utf-8")

    assert {path.name for path in EXAMPLES.iterdir()} == set(
        re.findall(r"examples/([\w.-]+)", page)
    )
