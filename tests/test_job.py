"""The scheduled job: its file, one pass, following, and how it stands."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from miner.cli import logs
from miner.errors import BusyError, ConfigError, OutputError
from miner.job import read_config, run_pass, standing, watch
from miner.job.spending import budgets, month_start
from miner.job.writing import template, write_template
from miner.redactor import redact
from miner.sources.bluesky import Bluesky
from miner.store import Store, Writer
from miner.store.runs import begin_run, charge

from jetstream_server import T0, JetstreamServer, made_events, post_event

SECOND = 1_000_000
LEAST = 'database = "outages.db"\nservices = ["WhatsApp"]\n[sources.bluesky]\n'
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def write(tmp_path):
    def write_all(text):
        path = tmp_path / "miner.toml"
        path.write_text(text)
        return path

    return write_all


@pytest.fixture
def job(tmp_path, write):
    """A configuration with two exports, of a Jetstream on loopback."""
    with JetstreamServer(made_events(40)) as server:
        path = write(
            'database = "outages.db"\nservices = ["whatsapp", "signal"]\n'
            '[schedule]\nevery = "5m"\nexport_every = "1s"\n'
            f'[sources.bluesky]\nurl = "{server.url}"\n'
            "[sources.bluesky.options]\nidle = 0.3\npage = 0.1\n"
            '[[exports]]\nfile = "series.csv"\nfreq = "1h"\nservices = ["whatsapp"]\n'
            '[[exports]]\nfile = "ids.jsonl"\nwhat = "ids"\n'
        )
        yield server, path


def test_the_least_that_a_file_says(write):
    config = read_config(write(LEAST))

    assert config.services == ("whatsapp",)
    assert [feed.name for feed in config.feeds] == ["bluesky"]
    assert config.database.name == "outages.db"
    assert (config.every, config.stale_after, config.export_every) == (None, 3_600, 60)


def test_the_template_is_a_valid_file_and_explains_every_key(tmp_path, write):
    plain = read_config(write(template()))
    every_key = re.sub(r"^# (?=\w+ = |\[)", "", template(), flags=re.MULTILINE)
    tables = tomllib.loads(every_key)
    (tmp_path / "miner.secrets").write_text("MASTODON_ACCESS_TOKEN=\n")
    (tmp_path / "miner.secrets").chmod(0o600)
    (tmp_path / "my.toml").write_text("")
    everything = read_config(write(every_key))

    assert plain.services == everything.services == ("whatsapp",)
    assert everything.feeds[0].per_run == 500_000
    assert everything.options.retention == 90 * 86_400
    # A key that is not in the template is a mistake; those that are, are all there are.
    for name, table in {"": tables, **tables}.items():
        if isinstance(table, dict) and name != "sources":
            inner = "" if name == "" else f"[{name}]\n"
            with pytest.raises(ConfigError) as error:
                read_config(write(wrong_key(tables, name)))
            known = re.search(r"keys here: (.*)\)", str(error.value))
            assert known, inner
            listed = set(known[1].split(", ")) - {"collect", "sources", "schedule"}
            assert listed <= set(table)


def wrong_key(tables, name):
    """A file with one table more than the least, and a key that is not known."""
    if name == "":
        return "colour = 1\n" + LEAST
    return LEAST + f"[{name}]\ncolour = 1\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            LEAST.replace('"outages.db"', "3"),
            "miner.toml: database: has the wrong type; write text",
        ),
        ('services = ["whatsapp"]\n[sources.bluesky]', "database: is missing"),
        ('database = "a.db"\n[sources.bluesky]', "services: is missing"),
        (LEAST.replace("WhatsApp", "no such"), "services: unknown service"),
        (LEAST.replace("[sources.bluesky]", ""), "[sources.bluesky]"),
        (LEAST.replace("bluesky", "nowhere"), "sources of this installation: bluesky"),
        (LEAST + "colour = 1", "[sources.bluesky] colour: no such key"),
        (LEAST + 'ulr = "ws://x"', "did you mean url?"),
        (LEAST + "[sources.bluesky.options]\ncolour = 1", "bluesky has no such setting; it has"),
        (LEAST + "[sources.bluesky.options]\nidle = {}", "no text, number"),
        (LEAST + 'budget_per_run = "5"', "write it as 5usd"),
        (LEAST + 'url = "wss://me:pass-word@example.org"', "holds a name or password"),
        (LEAST + '[schedule]\nevery = "soon"', "[schedule] every: 'soon' is no duration"),
        (LEAST + '[schedule]\nevery = "0s"', "is nothing"),
        (LEAST + '[collect]\nmode = "all"', "use one of: phrase, mention"),
        (LEAST + "[collect]\nraw = 1", "write true or false"),
        (LEAST + "[[exports]]", "[exports 1] file: is missing"),
        (LEAST + '[[exports]]\nfile = "a.csv"\nfreq = "5 parsecs"', "[exports 1] freq"),
        (LEAST + '[[exports]]\nfile = "a.csv"\nby = "mood"', "[exports 1] by"),
        (LEAST + '[[exports]]\nfile = "a.csv"\nsource = "x"', "add [sources.x]"),
        (LEAST + '[[exports]]\nfile = "a.csv"\nservices = ["signal"]', "is not collected"),
        (LEAST + '[[exports]]\nfile = "a.csv"\n' * 2, "is written twice"),
        (LEAST + '[[exports]]\nfile = "a.csv"\noutages = "a.csv"', "is written twice"),
        (LEAST + '[[exports]]\nfile = "a.csv"\nfalse_alarms = "few"', "write it as 1/year"),
        (LEAST + '[[exports]]\nfile = "a.csv"\noutages = "o.csv"\nfreq = "1D"', "too wide"),
        (LEAST + '[[exports]]\nfile = "a.csv"\noutages = "o.csv"\nwhat = "ids"', "of a series"),
        (LEAST + "[exports]", "a list"),
        (LEAST + '[notify]\nemail = "me"', "later version"),
        (LEAST + '[sources.bluesky.options]\naccess_token = "hidden-one"', "do not belong here"),
        (LEAST + 'password = "hidden-one"', "do not belong here"),
        ("database = ", "is no TOML"),
    ],
)
def test_a_mistake_is_named_with_file_table_key_and_what_to_do(text, says, write):
    with pytest.raises(ConfigError) as error:
        read_config(write(text))

    assert says in str(error.value)
    assert "miner.toml" in str(error.value)
    assert "hidden-one" not in str(error.value)
    assert "pass-word" not in str(error.value)


def test_a_file_that_is_not_there_is_named_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(ConfigError, match="miner init"):
        read_config(tmp_path / "none.toml")


def test_init_never_writes_over_a_file(tmp_path):
    path = tmp_path / "miner.toml"
    write_template(path, ["signal", "teams"])
    assert read_config(path).services == ("signal", "teams")

    path.write_text("mine")
    with pytest.raises(OutputError, match="stays as it is"):
        write_template(path)
    assert path.read_text() == "mine"


def secret_file(tmp_path, text, mode=0o600):
    path = tmp_path / "secrets"
    path.write_text(text)
    path.chmod(mode)
    return LEAST + '[secrets]\nfile = "secrets"\n'


def test_secrets_come_from_a_file_and_the_environment_goes_before(tmp_path, write, monkeypatch):
    monkeypatch.setenv("X_BEARER_TOKEN", "from the environment")
    monkeypatch.setenv("REDDIT_CLIENT_ID", "")
    monkeypatch.delenv("REDDIT_CLIENT_ID")
    lines = '# keys\nX_BEARER_TOKEN=from the file\nexport REDDIT_CLIENT_ID="quoted id"\n'
    read_config(write(secret_file(tmp_path, lines)))

    assert os.environ["X_BEARER_TOKEN"] == "from the environment"
    assert os.environ["REDDIT_CLIENT_ID"] == "quoted id"
    assert redact("it was quoted id, or quoted%20id") == (
        "it was [REDDIT_CLIENT_ID], or [REDDIT_CLIENT_ID]"
    )


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_of_secrets_that_others_can_read_is_refused(mode, tmp_path, write):
    with pytest.raises(ConfigError, match="chmod 600"):
        read_config(write(secret_file(tmp_path, "X_BEARER_TOKEN=hidden-one", mode)))


@pytest.mark.parametrize("line", ["hidden-one", "PATH=hidden-one", "=hidden-one", "A B=hidden-one"])
def test_a_line_that_is_no_secret_is_refused_without_showing_it(line, tmp_path, write):
    with pytest.raises(ConfigError, match="line 1") as error:
        read_config(write(secret_file(tmp_path, line)))

    assert "hidden-one" not in str(error.value)


def test_a_pass_collects_counts_and_exports_and_may_be_repeated(job, tmp_path):
    _, path = job
    config = read_config(path)
    first = run_pass(config)
    files = {name: (tmp_path / name).read_bytes() for name in ("series.csv", "ids.jsonl")}
    posts = Store(config.database).posts()
    second = run_pass(config)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert [outcome.posts for outcome in (*first.outcomes, *second.outcomes)] == [20, 0]
    assert files == {name: (tmp_path / name).read_bytes() for name in files}
    pd.testing.assert_frame_equal(posts, Store(config.database).posts())
    assert b",20,20," in files["series.csv"]
    assert len(files["ids.jsonl"].splitlines()) == 20


def test_a_pass_writes_the_outages_of_a_series(job, tmp_path):
    server, path = job
    outage = range(300, 360)
    minutes = [n for n in range(480) for _ in range(8 if n in outage else n % 20 == 0)]
    complaints = [
        post_event(T0 + minute * 60 * SECOND + n, n, f"whatsapp is down again {n}")
        for n, minute in enumerate(minutes)
    ]
    server.events = complaints
    text = path.read_text().replace('freq = "1h"', 'freq = "5min"\noutages = "outages.csv"')
    path.write_text(text)
    done = run_pass(read_config(path))
    series = pd.read_csv(tmp_path / "series.csv", parse_dates=["bin_start"])
    (found,) = pd.read_csv(tmp_path / "outages.csv", parse_dates=["onset"]).to_dict("records")

    began = pd.Timestamp((T0 + 300 * 60 * SECOND) * 1000, tz="UTC")
    assert done.exit_code == 0
    assert abs(found["onset"] - began) <= pd.Timedelta("5min")
    assert found["symptoms"].startswith("down:")
    assert "outage" in set(series["state"])
    assert series["complaints_high"].notna().all()


def test_a_pass_goes_on_where_the_last_one_ended(job):
    server, path = job
    later, server.events = server.events, server.events[:10]
    run_pass(read_config(path))
    server.events = later
    (outcome,) = run_pass(read_config(path)).outcomes

    assert outcome.posts == 15
    assert len(Store(read_config(path).database).watched("whatsapp")) == 1


def test_an_export_that_fails_does_not_stop_the_others(job, tmp_path):
    _, path = job
    (tmp_path / "series.csv").mkdir()
    done = run_pass(read_config(path))

    assert done.exit_code == OutputError.exit_code
    assert len(done.errors) == 1
    assert (tmp_path / "ids.jsonl").exists()


def test_a_source_that_fails_gives_its_exit_code_and_exports_are_written(job, tmp_path):
    server, path = job
    run_pass(read_config(path))
    (tmp_path / "series.csv").unlink()
    server.faults.refuse = [(403, {}, b"no")] * 9
    done = run_pass(read_config(path))

    assert done.exit_code == 5
    assert (tmp_path / "series.csv").exists()


def test_one_pass_at_a_time_until_its_exports_are_written(job, monkeypatch):
    _, path = job
    config = read_config(path)

    def second(*_):
        with pytest.raises(BusyError):
            run_pass(config)
        return []

    monkeypatch.setattr("miner.job.passing.write_exports", second)
    assert run_pass(config).exit_code == 0


def test_watching_exports_meanwhile_and_ends_when_told(job, tmp_path):
    server, path = job
    later, server.events = server.events, server.events[:10]
    stop = threading.Event()
    done = []
    job_thread = threading.Thread(target=lambda: done.append(watch(read_config(path), stop=stop)))
    job_thread.start()
    until = time.monotonic() + 30
    while not (tmp_path / "ids.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.05)
    meanwhile = (tmp_path / "ids.jsonl").exists()
    server.events = later
    while count(tmp_path / "ids.jsonl") < 20 and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    job_thread.join(20)

    assert meanwhile
    assert done[0].exit_code == 0
    assert count(tmp_path / "ids.jsonl") == 20


def count(path):
    return len(path.read_bytes().splitlines()) if path.exists() else 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_sigterm_ends_watching_with_a_last_export(job, tmp_path):
    server, path = job
    text = path.read_text().replace('"1s"', '"1h"')
    path.write_text(text)
    words = [sys.executable, "-m", "miner", "watch", "--config", str(path), "--log-format", "json"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while server.n_sent < 40 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)

    assert process.returncode == 0, said
    assert count(tmp_path / "ids.jsonl") == 20
    records = [json.loads(line) for line in said.splitlines()]
    assert {"time", "level", "logger", "message"} <= set(records[0])
    assert [record["rows"] for record in records if "rows" in record][-1] == 20


def test_what_was_never_watched_is_behind_and_the_next_run_is_known(job):
    _, path = job
    config = read_config(path)
    run_pass(config)
    now = T0 + 4_000_000
    status = Store(config.database).status(now)

    stands = standing(status, 60, config)
    assert not stands.is_stale
    (run,) = status["runs"]
    assert stands.next_run == run["started_at"] + 300 * SECOND
    assert standing(Store(config.database).status(now + 60 * SECOND), 60, config).is_stale
    missing = {**status, "pulls": status["pulls"][:1]}
    assert len(standing(missing, 60, config).behind) == 1
    assert not standing(missing, 60).is_stale
    assert standing(missing, 60).next_run is None


def test_a_month_bounds_what_a_pass_may_spend(tmp_path, write):
    config = read_config(write(LEAST + 'budget_per_run = "2usd"\nbudget_per_month = "5usd"\n'))
    may = 1_777_593_600 * SECOND  # 2026-05-01
    assert month_start(T0) == may
    with Writer.open(tmp_path / "a.db") as writer:
        for at, spent, left in ((may - 1, 4, 2), (may, 1, 2), (T0, 3, 1), (T0, 2, 0)):
            with writer.transaction() as db:
                charge(db, begin_run(db, "bluesky", (), at), spent * SECOND, "x", None, at)
            assert budgets(writer, config.feeds, T0) == {"bluesky": left * SECOND}


def test_logs_are_json_lines_without_secrets(monkeypatch):
    monkeypatch.setenv("X_BEARER_TOKEN", 'se"cret/value')
    try:
        raise ValueError('se"cret/value in a traceback')
    except ValueError:
        record = logging.getLogger("miner.x").makeRecord(
            "miner.x", 40, "f", 1, "got %s", ('se"cret/value',), sys.exc_info(), extra={"n": 1}
        )
    line = json.loads(logs.JsonFormatter().format(record))

    assert line["message"] == "got [X_BEARER_TOKEN]"
    assert line["n"] == 1
    assert line["time"].endswith("Z")
    assert "cret/value" not in line["exception"]
    assert "cret/value" not in logs.TextFormatter().format(record)


def test_the_settings_of_bluesky_stand_in_the_documentation():
    text = (DOCS / "collecting.md").read_text("utf-8")

    for name, meaning in Bluesky.settings.items():
        assert f"| `{name}` | {meaning} |" in text
