"""The command line, run as a user runs it; in this process where nothing is lost by that."""

import csv
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from miner.classifier import corpus
from miner.cli import COMMANDS, cli, main

from jetstream_server import JetstreamServer, made_events
from x_server import XServer

REPOSITORY = Path(__file__).parents[1]
SERIES = (
    "bin_start,service,coverage,mentions,complaints,complaints_low,complaints_high,authors,"
    "recoveries,chatter,expected,upper,score,state"
)
POSTS = """created_at,text,author,lang
2022-10-25T06:50:00Z,whatsapp is down,ann,en
2022-10-25T06:51:30Z,"my whatsapp messages won't send, anyone else?",bob,en
2022-10-25T08:10:00Z,no puedo enviar mensajes por whatsapp,eva,es
2022-10-25T09:59:00Z,what a lovely morning,dan,en
"""


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def miner(monkeypatch, capsysbinary):
    def run(*args, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["miner", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as leave:
            main()
        out, err = capsysbinary.readouterr()
        return Result(int(leave.value.code or 0), out.decode(), err.decode())

    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that help texts speak of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/demo").symlink_to(REPOSITORY / "data/demo")
    (tmp_path / "posts.csv").write_text(POSTS)
    records = list(csv.DictReader(io.StringIO(POSTS)))
    (tmp_path / "posts.jsonl").write_text("\n".join(map(json.dumps, records)))
    labels = ["complaint", "complaint", "complaint", "other"]
    table = pd.DataFrame(records).assign(label=labels, symptom="", service="whatsapp")
    table.loc[table["label"] == "complaint", "symptom"] = "send"
    table.to_csv(tmp_path / "labelled.csv", index=False)
    table.rename(columns={"label": "verdict"}).to_csv(tmp_path / "verdicts.csv", index=False)
    table.to_csv(tmp_path / "mine.csv", index=False)
    times = "service,onset,end{}\nwhatsapp,2022-10-25T06:50:00Z,2022-10-25T08:00:00Z{}\n"
    (tmp_path / "truth.csv").write_text(times.format("", ""))
    (tmp_path / "outages.csv").write_text(times.format(",detected_at", ",2022-10-25T06:52:00Z"))
    shutil.copy(REPOSITORY / "miner/classifier/shipped.npz", tmp_path / "my-model.npz")
    collected(tmp_path / "outages.db")
    return tmp_path


def collected(path):
    """A database with one post, watched until now."""
    from miner.collector import Labeller
    from miner.lexicon import load_lexicon
    from miner.post import Post
    from miner.sources.protocol import Page
    from miner.store import Context, Writer

    now = time.time_ns() // 1000
    labeller = Labeller(["whatsapp"], load_lexicon())
    post = Post("bluesky", "at://1", now - 60_000_000, now, "h_" + "0" * 16, "whatsapp is down")
    page = Page(posts=[post], watched=(now - 120_000_000, now), cursors={})
    context = Context("bluesky", ("whatsapp",), {}, "shipped", None, now)
    with Writer.open(path) as writer:
        writer.apply(page, labeller.table(page), context)


@pytest.fixture(scope="module")
def stream():
    """A Jetstream on loopback, for examples that collect."""
    with JetstreamServer(made_events(20)) as server:
        yield server


@pytest.fixture(scope="module")
def x_server():
    """X on loopback, for examples that collect on a budget."""
    with XServer() as server:
        yield server


def read(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def examples():
    for name in COMMANDS:
        command = cli.get_command(None, name)
        for line in (command.epilog or "").splitlines():
            if "miner " in line:
                # Training with a check takes minutes.
                marks = [pytest.mark.slow] if "train" in line and "--replace" not in line else []
                yield pytest.param(line.strip(), marks=marks)


def test_every_command_has_help_with_examples(miner):
    for name in COMMANDS:
        result = miner(name, "--help")
        assert result.code == 0
        assert "Examples:" in result.out
        assert result.out.count("miner " + name) >= 2
    overview = miner("--help")
    assert all(name in overview.out for name in COMMANDS)
    assert "Exit codes:" in overview.out


@pytest.mark.parametrize("line", list(examples()))
def test_every_example_of_the_help_runs(line, miner, folder, stream, x_server, monkeypatch):
    first, _, rest = line.partition("||")[0].partition("|")
    stdin = b""
    if first.strip().startswith("cat "):
        stdin = (folder / first.split()[1]).read_bytes()
        first = rest
    words = shlex.split(first.partition(">")[0].strip())
    if words[1] == "train":  # a part of the corpus: all of it takes minutes, four times over
        part = corpus.read_corpus().sample(800, random_state=0)
        monkeypatch.setattr(corpus, "read_corpus", lambda: part)
    if "series.csv" in words and words[1] in {"export", "detect", "score", "plot"}:
        miner("mine", "posts.csv", "-o", "series.csv")
    if "symptoms.csv" in words and words[1] == "plot":
        miner("mine", "posts.csv", "--by", "symptom", "-o", "symptoms.csv")
    if words[1] == "collect":  # nothing of this house asks the internet
        words = [{"10m": "1s", "1h": "1s", "wss://my.mirror": stream.url}.get(w, w) for w in words]
        if "x" in words:
            monkeypatch.setenv("X_BEARER_TOKEN", x_server.token)
            words += ["--url", x_server.url]
        else:
            words += ["--url", stream.url, "--set", "bluesky.idle=0.2"]
    if "miner.toml" in words:
        (folder / "miner.toml").write_text(
            'database = "outages.db"\nservices = ["whatsapp"]\n'
            f'[sources.bluesky]\nurl = "{stream.url}"\n'
            "[sources.bluesky.options]\nidle = 0.2\npage = 0.1\n"
        )
    if words[1] == "watch":  # it has no end of its own
        threading.Timer(2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    result = miner(*words[1:], stdin=stdin)

    assert result.code == 0, result.err
    assert result.out or result.err


def test_mine_writes_the_series_and_shows_a_table(miner, folder):
    result = miner("mine", "posts.csv", "--freq", "1h", "-o", "series.csv")
    lines = (folder / "series.csv").read_text().splitlines()

    assert result.code == 0
    assert "whatsapp" in result.out
    assert lines[0] == SERIES
    assert [line.split(",")[0] for line in lines[1:]] == [
        f"2022-10-25T0{hour}:00:00Z" for hour in (6, 7, 8, 9)
    ]
    assert lines[1].startswith(
        "2022-10-25T06:00:00Z,whatsapp,0.16666666666666666,2,2,0.0,2.0,2,0,0,,,,learning"
    )


def test_a_bin_nobody_watched_is_empty_and_a_watched_one_without_posts_is_zero(miner, folder):
    watched = ("--watched", "2022-10-25T06:00Z/2022-10-25T08:00Z")
    more = ("--watched", "2022-10-25T09:00Z/2022-10-25T10:00Z")
    miner("mine", "posts.csv", "--freq", "1h", *watched, *more, "-o", "series.csv")
    rows = read(folder / "series.csv")

    assert [row["coverage"] for row in rows] == ["1.0", "1.0", "0.0", "1.0"]
    assert [row["complaints"] for row in rows] == ["2", "0", "", "0"]


def test_split_by_a_dimension(miner, folder):
    miner("mine", "posts.csv", "--freq", "1D", "--by", "lang", "-o", "series.csv")
    rows = read(folder / "series.csv")

    assert [(row["lang"], row["complaints"]) for row in rows] == [("en", "2"), ("es", "1")]
    assert next(iter(rows[0])) == "bin_start"
    assert list(rows[0])[2] == "lang"


def test_posts_are_written_with_hashed_authors_and_read_back(miner, folder):
    result = miner("mine", "posts.csv", "--posts", "out.csv", "-o", "a.csv", "--freq", "1h")
    posts = pd.read_csv("out.csv")

    assert result.code == 0
    assert len(posts) == 3
    assert posts["author"].str.fullmatch("h_[0-9a-f]{16}").all()
    assert set(posts["label"]) == {"complaint"}
    again = miner("count", "out.csv", "--freq", "1h", "-o", "b.csv")
    assert again.code == 0
    a, b = pd.read_csv("a.csv"), pd.read_csv("b.csv")
    assert a["complaints"].sum() == b["complaints"].sum() == 3


def test_posts_as_parquet(miner, folder):
    miner("mine", "posts.csv", "--posts", "out.parquet", "-o", "a.csv")

    assert len(pd.read_parquet("out.parquet")) == 3


def test_label_keeps_every_column_and_cell_as_it_is(miner, folder):
    text = 'id,text,n,empty\n007,"whatsapp is down, again",1.50,\nx,"a ""quoted"" text",,NA\n'
    (folder / "in.csv").write_text(text)
    result = miner("label", "in.csv", "-o", "out.csv")
    rows = read(folder / "out.csv")

    assert result.code == 0
    assert list(rows[0]) == ["id", "text", "n", "empty", "label", "p_complaint", "symptom"]
    assert [(r["id"], r["n"], r["empty"]) for r in rows] == [("007", "1.50", ""), ("x", "", "NA")]
    assert rows[1]["text"] == 'a "quoted" text'
    assert rows[0]["label"] == "complaint"
    assert 0 <= float(rows[1]["p_complaint"]) <= 1
    assert rows[1]["symptom"] == ""


def test_label_warns_when_it_overwrites(miner, folder):
    result = miner("label", "labelled.csv", "-o", "out.csv")

    assert "overwriting label, symptom" in result.err
    header = (folder / "out.csv").read_text().splitlines()[0]
    assert header == "created_at,text,author,lang,label,symptom,service,p_complaint"


def test_label_from_standard_input_to_standard_output(miner, folder):
    result = miner("label", "-", "-o", "-", "-q", stdin=POSTS.encode())

    assert result.out.splitlines()[0].endswith("label,p_complaint,symptom")
    assert len(result.out.splitlines()) == 5
    assert result.err == ""


def test_a_broken_line_is_skipped_counted_and_reported(miner, folder):
    (folder / "in.csv").write_text("text,n\nfine,1\nbroken\nfine too,2\n")
    result = miner("label", "in.csv", "-o", "out.csv")

    assert len((folder / "out.csv").read_text().splitlines()) == 3
    assert "skipped 1 lines" in result.err
    assert "in.csv:3" in result.err


def test_export_for_a_spreadsheet_cannot_run_a_formula(miner, folder):
    (folder / "in.csv").write_text('text\n"=1+1"\n@cmd\n-2\nplain\n')
    miner("export", "in.csv", "--spreadsheet", "-o", "out.csv")
    miner("export", "in.csv", "-o", "exact.csv")

    assert pd.read_csv("out.csv")["text"].tolist() == ["'=1+1", "'@cmd", "'-2", "plain"]
    assert pd.read_csv("exact.csv", dtype=str)["text"].tolist() == ["=1+1", "@cmd", "-2", "plain"]


def test_export_with_outages_fills_the_limits_of_complaints(miner, folder):
    miner("count", "labelled.csv", "--freq", "1h", "-o", "series.csv")
    result = miner("export", "series.csv", "--outages", "o.csv", "-o", "out.csv")
    rows = read(folder / "out.csv")

    assert result.code == 0, result.err
    assert all(not row["complaints_high"] for row in read(folder / "series.csv"))
    assert all(row["complaints_high"] for row in rows if row["complaints"])


def test_export_of_a_database_says_what_the_detector_says(miner, folder):
    result = miner("export", "--db", "outages.db", "--outages", "o.csv", "-o", "out.csv")
    rows = read(folder / "out.csv")

    assert result.code == 0, result.err
    assert {row["state"] for row in rows} <= {"learning", "unwatched"}
    assert any(row["state"] == "learning" for row in rows)
    assert (folder / "o.csv").read_text().startswith("service,onset,")
    wide = miner("export", "--db", "outages.db", "--freq", "1D", "--outages", "o.csv", "-o", "-")
    assert (wide.code, "1h at most" in wide.err) == (2, True)


def test_plot_draws_what_mine_and_detect_write(miner, folder):
    options = ("--service", "whatsapp", "--freq", "5min", "-q")
    miner("mine", "data/demo", *options, "--outages", "o.csv", "-o", "series.csv")
    miner("mine", "data/demo", *options, "--by", "symptom", "-o", "symptoms.csv")
    files = ("--outages", "o.csv", "--symptoms", "symptoms.csv", "-o", "out.svg")
    result = miner("plot", "series.csv", *files)
    drawn = (folder / "out.svg").read_text("utf-8")

    [outage] = read(folder / "o.csv")

    assert result.code == 0, result.err
    assert f"end {pd.Timestamp(outage['end']):%H:%M} " in drawn
    assert f"{float(outage['complaints']):,.0f} complaints" in drawn
    assert "send" in drawn


def test_services_show_queries(miner):
    result = miner("services", "whatsapp", "--queries", "x", "--mention")

    assert result.code == 0
    assert "whatsapp" in result.out


def test_json_for_programs(miner, folder):
    result = miner("mine", "posts.csv", "-o", "series.csv", "--json")
    summary = json.loads(result.out)

    assert summary["input"]["posts"] == 4
    assert summary["labels"]["complaint"] == 3


def test_evaluate_compares_with_the_truth(miner, folder):
    result = miner("evaluate", "verdicts.csv", "--true-label", "verdict", "--json")
    figures = json.loads(result.out)

    assert figures["n"] == 4
    assert figures["figures"]["f1"] == 1.0
    assert set(figures["confusion"]) == {"complaint", "recovery", "chatter", "other"}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["mine", "nowhere.jsonl"], 3, "nowhere.jsonl"),
        (["mine", "empty.jsonl"], 3, "empty.jsonl"),
        (["mine", "binary.bin"], 3, "binary"),
        (["mine", "notext.csv"], 3, "'text'"),
        (["mine", "naive.csv"], 3, "zone"),
        (["mine", "posts.csv", "--service", "watsaapp"], 2, "Did you mean whatsapp"),
        (["mine", "posts.csv", "--freq", "banana"], 2, '"banana" is not a frequency'),
        (["mine", "posts.csv", "--from", "2022-10-25T06:00"], 2, "add Z"),
        (["mine", "posts.csv", "--from", "soon"], 2, "is not a time"),
        (["mine", "posts.csv", "--watched", "2022"], 2, "FROM/TO"),
        (["mine", "posts.csv", "--by", "mood"], 2, "symptom, lang"),
        (["mine", "posts.csv", "--format", "fax"], 2, "'fax'"),
        (["mine", "posts.csv", "--lexicon", "no.toml"], 3, "no.toml"),
        (["mine", "posts.csv", "--model", "posts.csv"], 3, "not a model file"),
        (["mine", "posts.csv", "-o", "no/such/folder.csv"], 4, "does not exist"),
        (["mine", "posts.csv", "-o", "data"], 4, "is a folder"),
        (["mine", "posts.csv", "--json"], 2, "-o"),
        (["label", "nowhere.csv"], 3, "nowhere.csv"),
        (["label", "notext.csv"], 3, "no column 'text'; its columns are: 'created_at', 'body'"),
        (["label", "empty.csv"], 3, "empty.csv"),
        (["label", "binary.bin"], 3, "binary"),
        (["count", "posts.csv"], 3, "'label'"),
        (["count", "naivelabelled.csv"], 2, "zone"),
        (["count", "labelled.csv", "--freq", "1y"], 2, "1y"),
        (["count", "labelled.csv", "--per-author", "often"], 2, "'often'"),
        (["export", "labelled.csv", "--columns", "nope"], 3, "'nope'"),
        (["evaluate", "posts.csv"], 3, "--true-label"),
        (["detect", "posts.csv"], 3, "'bin_start'"),
        (["detect", "nowhere.csv"], 3, "nowhere.csv"),
        (["detect", "posts.csv", "--false-alarms", "often"], 2, "1/year"),
        (["score", "outages.csv", "posts.csv"], 3, "'onset'"),
        (["score", "outages.csv", "truth.csv", "--early", "soon"], 2, "no duration"),
        (["mine", "posts.csv", "--freq", "1D", "--outages", "o.csv", "-o", "s.csv"], 3, "two bins"),
        (["plot", "posts.csv", "-o", "p.png"], 3, "'bin_start'"),
        (["plot", "series.csv", "-o", "p.docx"], 2, "use .png"),
        (["plot", "series.csv", "--service", "fax", "-o", "p.png"], 2, "no service 'fax'"),
        (["plot", "series.csv", "--from", "2030-01-01T00Z", "-o", "p.png"], 2, "widen"),
        (["plot", "series.csv", "--outages", "posts.csv", "-o", "p.png"], 3, "'onset'"),
        (["services", "whatsaapp"], 2, "Did you mean whatsapp"),
        (["services", "whatsapp", "--queries", "fax"], 2, "'fax'"),
        (["services", "--kind", "fax"], 2, "'fax'"),
        (["dig"], 2, "No such command"),
        (["mine"], 2, "PATH"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_input_gives_one_clear_line_and_a_documented_code(args, code, says, miner, folder):
    (folder / "empty.jsonl").touch()
    (folder / "empty.csv").touch()
    (folder / "binary.bin").write_bytes(bytes(range(256)) * 20)
    (folder / "notext.csv").write_text("created_at,body\n2022-10-25T06:50:00Z,hi\n")
    (folder / "naive.csv").write_text("created_at,text\n2022-10-25 06:50:00,whatsapp is down\n")
    (folder / "series.csv").write_text(
        "bin_start,service,complaints\n2022-10-25T06:00Z,whatsapp,3\n2022-10-25T07:00Z,whatsapp,4\n"
    )
    (folder / "naivelabelled.csv").write_text("created_at,label\n2022-10-25 06:50:00,other\n")
    result = miner(*args)

    assert result.code == code, result.err
    assert says in result.err
    assert "Traceback" not in result.err
    lines = [line for line in result.err.splitlines() if line.startswith(("miner:", "Error:"))]
    assert len(lines) == 1
    assert result.out == ""


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder not writable")
def test_a_folder_without_permission(miner, folder):
    (folder / "locked").mkdir(mode=0o500)
    result = miner("mine", "posts.csv", "-o", "locked/series.csv")

    assert (result.code, "no permission" in result.err) == (4, True)


def test_python_m_miner_as_its_own_process(folder):
    command = [sys.executable, "-m", "miner", "label", "posts.csv", "-o", "-", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 5


def test_a_closed_pipe_is_no_error(folder):
    command = f"{shlex.quote(sys.executable)} -m miner mine data/demo --freq 1s -q | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == SERIES
    assert done.stderr == ""


def test_collect_status_export_and_forget_make_one_chain(miner, tmp_path, monkeypatch, stream):
    monkeypatch.chdir(tmp_path)
    ask = ["--source", "bluesky", "--service", "WhatsApp", "--db", "a.db", "--catch-up"]
    ask += ["--url", stream.url, "--set", "bluesky.idle=0.2", "--json"]
    (outcome,) = json.loads(miner("collect", *ask).out)
    assert (outcome["seen"], outcome["posts"], outcome["error"]) == (20, 10, None)

    late = miner("status", "--db", "a.db")
    assert late.code == 8
    assert "whatsapp on bluesky" in late.err
    status = miner("status", "--db", "a.db", "--json", "--max-lag", "36500d")
    assert status.code == 0
    (pull,) = json.loads(status.out)["pulls"]
    assert pull["last_post"] == "2026-05-25T14:23:30Z"

    miner("export", "--db", "a.db", "--service", "whatsapp", "--freq", "1h", "-o", "series.csv")
    (row,) = read(tmp_path / "series.csv")
    assert (row["mentions"], row["complaints"]) == ("10", "10")
    miner("export", "--db", "a.db", "--posts", "--ids-only", "-o", "ids.csv")
    ids = read(tmp_path / "ids.csv")
    assert len(ids) == 10
    assert list(ids[0]) == ["source", "post_id", "service", "label"]

    result = miner("forget", "--db", "a.db", "--post", "bluesky", ids[0]["post_id"])
    assert (result.code, result.err) == (0, "forgot 1 posts\n")
    assert miner("doctor", "--db", "a.db").code == 0
    assert "labelled 0 again" in miner("relabel", "--db", "a.db").err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--source", "nowhere"], 2, "sources of this installation: bluesky"),
        (["--source", "bluesky", "--for", "soon"], 2, "10m"),
        (["--source", "bluesky", "--for", "1s", "--catch-up"], 2, "choose one"),
        (["--source", "bluesky", "--budget", "5"], 2, "5usd"),
        (["--source", "bluesky", "--url", "nowhere", "--catch-up"], 2, "no address"),
        (["--source", "bluesky", "--set", "wire=v1"], 2, "SOURCE.KEY=VALUE"),
        (["--source", "bluesky", "--db", "missing/a.db", "--for", "1s"], 6, "does not exist"),
    ],
)
def test_collect_says_what_is_wrong(arguments, code, says, miner, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--service", "whatsapp", *(["--db", "a.db"] if "--db" not in arguments else [])]
    result = miner("collect", *words, *arguments)

    assert result.code == code, result.err
    assert says in result.err


@pytest.mark.parametrize("command", ["status", "export", "forget", "relabel", "doctor"])
def test_a_database_that_is_not_there_is_named(command, miner, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = ["--older-than", "1d"] if command == "forget" else []
    result = miner(command, "--db", "none.db", *more)

    assert result.code == 6
    assert "none.db" in result.err
    assert not (tmp_path / "none.db").exists()
