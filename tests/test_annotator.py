"""Labelling in the terminal: the logic by itself, then the command with keys from a pipe
and, as a person has it, in a pseudo-terminal."""

import contextlib
import csv
import io
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from miner.annotator import ADDED, Session, Verdicts, read_posts
from miner.annotator.ordering import EVERY, queue, rank
from miner.cli import main
from miner.cli.annotate import LABEL_KEYS, SYMPTOM_KEYS, printable
from miner.errors import InputError, OutputError, SchemaError, UsageError
from miner.post import LABELS, SYMPTOMS
from miner.sources.labelled import Skipped

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
POSTS = """source,post_id,created_at,text,service,lang
x,1,2022-10-25T06:50:00Z,whatsapp is down,whatsapp,en
x,2,2022-10-25T06:51:00Z,"netflix keeps buffering, is it me?",netflix,en
x,3,2022-10-25T06:52:00Z,whatsapp  is down,whatsapp,en
x,4,2022-10-25T06:53:00Z,,whatsapp,en
x,5,2022-10-25T06:54:00Z,what a lovely morning,whatsapp,en
"""


class Doubting:
    """A model that is in doubt about the text that begins with the smallest number."""

    classes_ = np.array(LABELS, dtype=object)

    def predict_proba(self, texts):
        lead = np.array([int(text.split()[0]) / 1000 for text in texts])
        return np.stack([0.3 + lead / 2, 0.3 - lead / 2, lead * 0, lead * 0], axis=1)

    def decide(self, proba):
        return self.classes_[proba.argmax(axis=1)]

    def predict_symptom(self, texts):
        return np.array(["slow"] * len(texts), dtype=object)


def table(*texts):
    return pd.DataFrame({"n": [str(n) for n in range(len(texts))], "text": texts}, dtype="str")


def different(n):
    return table(*(f"{k} w{k} v{k} u{k}" for k in range(n)))


@pytest.fixture
def sitting(tmp_path):
    """Begins a sitting over a table with the file of verdicts of this test."""

    def begin(posts, **options):
        verdicts = Verdicts(tmp_path / "labels.csv", posts.columns.tolist())
        options = {"clock": lambda: NOON, **options}
        return Session(posts, verdicts, Doubting(), **options)

    return begin


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))


def asked(session):
    """Texts and ways of drawing, in the order asked; each gets the label "other"."""
    found = []
    while session.post is not None:
        found.append((session.post.cells["text"], session.post.drawn))
        session.give("other")
    return found


def test_a_verdict_is_on_disk_when_the_next_post_is_shown(sitting, tmp_path):
    berlin = timezone(timedelta(hours=2))
    session = sitting(table("a", "b"), order="file", clock=lambda: NOON.astimezone(berlin))
    session.give("complaint", "send")

    assert rows(tmp_path / "labels.csv") == [
        {
            "n": "0",
            "text": "a",
            "label": "complaint",
            "symptom": "send",
            "drawn": "file",
            "annotated_at": "2026-05-04T12:00:00Z",
        }
    ]
    assert session.post.cells["text"] == "b"
    assert session.n_left == 1
    assert session.summary() == "labelled 1 now, 1 in all: 1 complaint"


def test_a_second_sitting_goes_on_where_the_first_stopped(sitting):
    posts = table("a", "b", "c")
    first = sitting(posts, order="file")
    first.skip()
    first.give("other")
    second = sitting(posts, order="file")

    assert [text for text, _ in asked(second)] == ["a", "c"]
    assert second.summary() == "labelled 2 now, 3 in all: 3 other"
    assert sitting(posts).post is None


@pytest.mark.parametrize(
    ("source", "post_id", "text", "is_asked"),
    [("x", "1", "edited", False), ("y", "1", "a", False), ("y", "1", "b", True)],
)
def test_a_post_is_recognised_by_id_or_text(source, post_id, text, is_asked, sitting):
    columns = ["source", "post_id", "text"]
    sitting(pd.DataFrame([["x", "1", "a"]], columns=columns), order="file").give("other")
    again = sitting(pd.DataFrame([[source, post_id, text]], columns=columns), order="file")

    assert (again.post is not None) == is_asked


def test_texts_that_differ_in_blanks_are_asked_once_and_empty_ones_never(sitting):
    session = sitting(table("a b", " ", "a  b\n", "c"), order="file")

    assert [text for text, _ in asked(session)] == ["a b", "c"]


def test_undo_goes_back_as_often_as_wanted(sitting, tmp_path):
    session = sitting(table("a", "b", "c", "d"), order="file")
    session.give("other")
    session.skip()
    session.give("chatter")
    seen = []
    while session.undo():
        seen.append((session.post.cells["text"], len(rows(tmp_path / "labels.csv"))))

    assert seen == [("c", 1), ("b", 1), ("a", 0)]
    assert not session.can_undo
    assert [text for text, _ in asked(session)] == ["a", "b", "c", "d"]


def test_undo_reaches_into_an_earlier_sitting(sitting, tmp_path):
    sitting(table("a", "b"), order="file").give("other")
    session = sitting(table("a", "b"), order="file")

    assert session.undo()
    assert session.post.cells == {"n": "0", "text": "a"}
    session.give("recovery")
    assert session.summary() == "labelled 1 now, 1 in all: 1 recovery"
    assert [row["label"] for row in rows(tmp_path / "labels.csv")] == ["recovery"]


def test_the_limit_counts_verdicts_of_this_sitting(sitting):
    posts = table("a", "b", "c", "d")
    sitting(posts, order="file").give("other")
    session = sitting(posts, order="file", limit=2)
    session.skip()

    assert len(asked(session)) == 2
    session.undo()
    assert session.post.cells["text"] == "d"


def test_the_least_sure_come_first_and_every_fifth_is_random(sitting):
    found = asked(sitting(different(100)))
    informative = [int(text.split()[0]) for text, drawn in found if drawn == "informative"]
    by_chance = [text for text, drawn in found if drawn == "random"]

    assert len(found) == 100
    assert [drawn for _, drawn in found[: 5 * EVERY]] == ([*["informative"] * 4, "random"] * 5)
    assert informative == sorted(informative)
    assert by_chance == sorted(by_chance, key=lambda text: rank(text, 0))


def test_restarts_do_not_change_what_is_asked(sitting):
    posts = different(40)
    whole = list(queue(posts["text"].tolist(), "informative", 0, Doubting()))
    found = []
    while (session := sitting(posts, limit=3)).post is not None:
        found += asked(session)

    assert found == [(posts["text"][at], drawn) for at, drawn in whole]


def test_the_random_posts_are_a_fair_sample_whatever_the_model_thinks():
    texts = different(2000)["text"].tolist()
    drawn = [at for at, how in queue(texts, "informative", 7, Doubting()) if how == "random"]

    assert len(drawn) == pytest.approx(400, abs=70)
    assert np.mean(drawn) == pytest.approx(1000, abs=120)
    longer = [*texts, *(f"{k} new{k}" for k in range(500))]
    more = [at for at, how in queue(longer, "informative", 7, Doubting()) if how == "random"]
    assert [at for at in more if at < 2000] == drawn


def test_random_order_is_reproducible_and_another_seed_is_noticed(sitting):
    posts = different(60)
    first = asked(sitting(posts, order="random", seed=1, limit=10))

    assert {drawn for _, drawn in first} == {"random"}
    assert first == [
        (text, "random") for text in sorted(posts["text"], key=lambda text: rank(text, 1))[:10]
    ]
    asked(sitting(posts, order="informative", seed=1, limit=10))
    assert sitting(posts, seed=1).is_fair
    assert not sitting(posts, seed=2).is_fair


def test_near_duplicates_are_not_asked_in_a_row(sitting):
    flood = "my internet has been broken since early this morning and support never answers"
    copies = [f"0 {flood} {extra}" for extra in ("lol", "omg", "smh", "ugh", "wow", "duh", "meh")]
    short = [f"0 whatsapp is down {extra}" for extra in ("lol", "omg", "smh", "ugh", "wow")]
    others = [f"9 a{k} b{k} c{k}" for k in range(40)]
    found = [text for text, how in asked(sitting(table(*copies, *short, *others))) if how[0] == "i"]

    for at in range(len(found) - 12):
        kinds = Counter("flood" if flood in text else text[:12] for text in found[at : at + 8])
        assert kinds["flood"] <= 1
        assert kinds["0 whatsapp i"] <= 1


def test_a_table_of_copies_only_is_asked_to_the_end(sitting):
    assert len(asked(sitting(table(*(f"{k} down" for k in range(30)))))) == 30


def test_an_unknown_order_or_verdict_is_refused(sitting):
    with pytest.raises(UsageError, match="informative, file, random"):
        sitting(table("a"), order="best")
    session = sitting(table("a"), order="file")
    for label, symptom in (("complain", ""), ("complaint", "sent"), ("other", "send")):
        with pytest.raises(UsageError, match="no such verdict"):
            session.give(label, symptom)
    session.skip()
    with pytest.raises(UsageError, match="no post is left"):
        session.give("other")


def test_the_model_suggests_a_label_and_a_symptom(sitting):
    suggestion = sitting(table("200 x")).suggest()

    assert (suggestion.label, suggestion.symptom) == ("complaint", "slow")
    assert suggestion.p == pytest.approx(0.4)


def test_any_cell_comes_back_as_it_was(tmp_path):
    cells = [
        'a "quoted", b',
        "line\nbreak",
        "lone\rreturn",
        "both\r\n",
        "",
        "NA",
        "\x1b[2J",
        "=1+1",
    ]
    verdicts = Verdicts(tmp_path / "labels.csv", ["text", "n"])
    for cell in cells:
        verdicts.append([cell, "1", "other", "", "file", "2026-05-04T12:00:00Z"])
    again = Verdicts(tmp_path / "labels.csv", ["text", "n"])

    assert [row[0] for row in again.rows] == cells
    again.pop()
    assert Verdicts(tmp_path / "labels.csv", ["text", "n"]).rows == verdicts.rows[:-1]
    assert list(tmp_path.iterdir()) == [tmp_path / "labels.csv"]


@pytest.mark.parametrize("cut", [1, 4, 30, 38])
def test_a_row_cut_off_by_a_crash_is_taken_out_unless_it_is_whole(cut, sitting, tmp_path):
    session = sitting(table("a", "b, and\na second line"), order="file")
    session.give("other")
    session.give("other")
    path = tmp_path / "labels.csv"
    path.write_bytes(path.read_bytes()[:-cut])
    verdicts = Verdicts(path, ["n", "text"])

    assert (len(verdicts.rows), verdicts.torn) == ((2, 0) if cut == 1 else (1, 1))
    assert path.read_bytes().endswith(b"Z\n")
    assert len(rows(path)) == len(verdicts.rows)


def test_a_file_edited_with_a_byte_order_mark_or_in_another_encoding_is_kept(tmp_path):
    path = tmp_path / "labels.csv"
    head = ",".join(["text", *ADDED]).encode()
    path.write_bytes(b"\xef\xbb\xbf" + head + b"\r\ncaf\xe9,other,,file,4.5.2026\r\n")
    verdicts = Verdicts(path, ["text"])
    verdicts.append(["b", "other", "", "file", "2026-05-04T12:00:00Z"])
    verdicts.pop()

    assert path.read_bytes() == head + b"\ncaf\xe9,other,,file,4.5.2026\n"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xef\xbb\xbf", b"text,label,symptom,drawn,annotated_at\n"]
)
def test_an_empty_file_is_begun(content, tmp_path):
    (tmp_path / "labels.csv").write_bytes(content)
    Verdicts(tmp_path / "labels.csv", ["text"]).append(["a", "other", "", "file", "Z"])

    assert [row["text"] for row in rows(tmp_path / "labels.csv")] == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("l.csv", "text,label\na,other\n", SchemaError, "was not begun with this table"),
        ("l.csv", "text,label,symptom,drawn,annotated_at\na,odd,,f,Z\n", InputError, "row 1"),
        ("l.csv", "text,label,symptom,drawn,annotated_at\na\nb,other,,f,Z\n", InputError, "row 1"),
        ("l.parquet", None, UsageError, "CSV"),
        ("-", None, UsageError, "CSV"),
        ("no/l.csv", None, OutputError, "does not exist"),
    ],
)
def test_a_file_that_is_not_one_of_verdicts_is_refused(
    name, content, error, says, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / name).write_text(content)
    with pytest.raises(error, match=says):
        Verdicts(name, ["text"])
    assert content is None or (tmp_path / name).read_text() == content


def test_a_disk_that_fails_is_one_error_and_keeps_what_was_there(sitting, tmp_path, monkeypatch):
    session = sitting(table("a", "b"), order="file")
    session.give("other")
    before = (tmp_path / "labels.csv").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        session.undo()
    assert (tmp_path / "labels.csv").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "labels.csv"]


def test_all_kinds_of_table_become_texts(tmp_path):
    moment = pd.Timestamp("2022-10-25T06:50:00Z")
    mixed = pd.DataFrame(
        {"text": ["a", None], "at": [moment, pd.NaT], "yes": [True, False], "tags": [["x"], []]}
    )
    mixed.to_parquet(tmp_path / "in.parquet")
    lines = (
        '{"text": "half \\ud83d", "place": {"id": 7}}',
        '{"text": "b", "n": 1.5, "yes": true}',
        '{"text": 3}',
    )
    (tmp_path / "in.jsonl").write_text("\n".join(lines))

    assert read_posts(str(tmp_path / "in.parquet"), Skipped()).to_numpy().tolist() == [
        ["a", "2022-10-25T06:50:00Z", "true", '["x"]'],
        ["", "", "false", "[]"],
    ]
    assert read_posts(str(tmp_path / "in.jsonl"), Skipped()).to_dict("records") == [
        {"text": "half \ufffd", "place": '{"id": 7}', "n": "", "yes": ""},
        {"text": "b", "place": "", "n": "1.5", "yes": "true"},
        {"text": "3", "place": "", "n": "", "yes": ""},
    ]


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "in.csv").write_text("text,n,n\na,1,2\n")
    with pytest.raises(SchemaError, match="two columns are named 'n'"):
        read_posts(str(tmp_path / "in.csv"), Skipped())


def test_what_is_printed_cannot_drive_a_terminal():
    hostile = "\x1b]0;title\x07\x1b[2Jhi\r\nthere\b\x9b31m\u202eback\ttab\u2028end\ud83d 👨\u200d👩"

    assert printable(hostile) == (
        "\ufffd]0;title\ufffd\ufffd[2Jhi\nthere\ufffd\ufffd31mback tab\nend\ufffd 👨\u200d👩"
    )


def test_there_is_one_key_for_each_label_and_symptom():
    assert tuple(LABEL_KEYS.values()) == LABELS
    assert tuple(SYMPTOM_KEYS.values()) == SYMPTOMS
    assert not {"q", "u", "?", "s"} & set(LABEL_KEYS)
    assert not {"q", "u", "?"} & set(SYMPTOM_KEYS)


@pytest.fixture
def annotate(tmp_path, monkeypatch, capsysbinary):
    """Runs the command with keys from a pipe; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "posts.csv").write_text(POSTS)

    def run(keys, *options, posts="posts.csv", to="labels.csv"):
        words = ["miner", "annotate", posts, "-o", to, *options]
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(keys.encode())))
        with pytest.raises(SystemExit) as leave:
            main()
        out, err = capsysbinary.readouterr()
        return leave.value.code, out.decode(), err.decode()

    return run


def test_keys_from_a_pipe_label_posts(annotate, tmp_path):
    code, out, err = annotate("cscw?hu\r\n", "--order", "file", "--limit", "3")
    found = rows(tmp_path / "labels.csv")

    assert (code, err) == (0, "")
    assert list(found[0]) == [*POSTS.splitlines()[0].split(","), *ADDED]
    assert [(row["label"], row["symptom"]) for row in found[:2]] == [
        ("complaint", "send"),
        ("complaint", "slow"),
    ]
    assert found[2]["label"] == "other"  # what the model suggests
    assert "Torn between c and h" in out
    assert "whatsapp · en · 2022-10-25T06:50:00Z" in out
    assert out.endswith("labelled 3 now, 3 in all: 2 complaint, 1 other\n")


def test_blind_shows_no_suggestion_and_takes_none(annotate, tmp_path):
    code, out, _ = annotate("\n\nc\nuo", "--order", "file", "--blind")

    assert code == 0
    assert "Enter" not in out
    assert [row["label"] for row in rows(tmp_path / "labels.csv")] == ["other"]


def test_the_symptom_can_be_suggested_left_and_quit(annotate, tmp_path):
    annotate("cucz\ncq", "--order", "file")

    assert [row["label"] for row in rows(tmp_path / "labels.csv")] == ["complaint"]


def test_the_last_verdict_can_be_taken_back(annotate, tmp_path):
    _, out, _ = annotate("ooouhx", "--order", "file")

    assert "All done" in out
    assert [row["label"] for row in rows(tmp_path / "labels.csv")] == ["other", "other", "chatter"]


def test_only_posts_of_a_service(annotate, tmp_path):
    annotate("oooo", "--service", "Netflix")

    assert [row["service"] for row in rows(tmp_path / "labels.csv")] == ["netflix"]


def test_what_is_written_is_ready_for_evaluate(annotate, tmp_path, monkeypatch):
    annotate("\n\n\n")
    monkeypatch.setattr(sys, "argv", ["miner", "evaluate", "labels.csv", "--json"])
    with pytest.raises(SystemExit) as leave:
        main()

    assert leave.value.code == 0


def test_a_labelled_table_is_labelled_anew(annotate, tmp_path):
    (tmp_path / "old.csv").write_text("text,label,p_complaint,symptom\nhi,complaint,0.9,send\n")
    code, _, err = annotate("o", posts="old.csv")

    assert code == 0
    assert "leaving out its own label, symptom" in err
    assert list(rows(tmp_path / "labels.csv")[0]) == ["text", "p_complaint", *ADDED]


def test_warnings_of_a_torn_file_another_seed_and_broken_lines(annotate, tmp_path):
    posts = "".join(f"post number {k}\n" for k in range(40))
    (tmp_path / "many.csv").write_text("text\n" + posts + "a,b\n")
    annotate("o" * 20, posts="many.csv")
    path = tmp_path / "labels.csv"
    path.write_bytes(path.read_bytes()[:-5])
    code, _, err = annotate("", "--seed", "5", posts="many.csv")

    assert code == 0
    assert "cut off by a crash" in err
    assert "no fair sample" in err
    assert "skipped 1 lines" in err


@pytest.mark.parametrize(
    ("posts", "to", "options", "code", "says"),
    [
        ("nowhere.csv", "labels.csv", [], 3, "nowhere.csv"),
        ("notext.csv", "labels.csv", [], 3, "no column 'text'"),
        ("posts.csv", "no/labels.csv", [], 4, "does not exist"),
        ("posts.csv", "labels.parquet", [], 2, "CSV"),
        ("posts.csv", "./posts.csv", [], 2, "itself"),
        ("posts.csv", "notext.csv", [], 3, "was not begun"),
        ("-", "labels.csv", [], 2, "standard input"),
        ("posts.csv", "labels.csv", ["--service", "fax"], 2, "it has posts of: whatsapp, netflix"),
        ("posts.csv", "labels.csv", ["--model", "posts.csv"], 3, "not a model file"),
        ("posts.csv", "labels.csv", ["--order", "best"], 2, "'best'"),
        ("posts.csv", "labels.csv", ["--limit", "0"], 2, "0"),
    ],
)
def test_wrong_usage_is_one_line(posts, to, options, code, says, annotate, tmp_path):
    (tmp_path / "notext.csv").write_text("body\nhi\n")
    found, out, err = annotate("oo", *options, posts=posts, to=to)

    assert (found, out) == (code, "")
    assert says in err
    assert sum(line.startswith(("miner:", "Error:")) for line in err.splitlines()) == 1
    assert (tmp_path / "posts.csv").read_text() == POSTS


pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")


class Terminal:
    """The command in a pseudo-terminal, as a person has it."""

    def __init__(self, folder, *options):
        import termios

        self._termios = termios
        self._master, slave = pty.openpty()
        command = [sys.executable, "-m", "miner", "annotate", "posts.csv", "-o", "labels.csv"]
        self.process = subprocess.Popen(
            [*command, *options], stdin=slave, stdout=slave, stderr=slave, cwd=folder
        )
        os.close(slave)
        self.shown = ""

    def press(self, keys):
        """Presses keys once the command waits for one, and reads until it waits again."""
        self._wait()
        os.write(self._master, keys.encode())
        time.sleep(0.05)
        self._wait()

    def end(self):
        code = self.process.wait(timeout=30)
        self._read(0.1)
        os.close(self._master)
        return code

    def _wait(self):
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.02)
            if not self._termios.tcgetattr(self._master)[3] & self._termios.ICANON:
                return

    def _read(self, seconds):
        with contextlib.suppress(OSError):  # the other end is closed
            while select.select([self._master], [], [], seconds)[0]:
                self.shown += os.read(self._master, 65536).decode(errors="replace")


def test_in_a_terminal_keys_need_no_enter(tmp_path):
    (tmp_path / "posts.csv").write_text(POSTS.replace("lovely", "\x1b[2Jlovely"))
    terminal = Terminal(tmp_path, "--order", "file")
    for keys in ("r", "\x1b[A", "h", "u", "c", "w", "q"):
        terminal.press(keys)

    assert terminal.end() == 0
    found = rows(tmp_path / "labels.csv")
    assert [(row["label"], row["symptom"]) for row in found] == [
        ("recovery", ""),
        ("complaint", "slow"),
    ]
    assert "labelled 2 now, 2 in all: 1 complaint, 1 recovery" in terminal.shown
    assert "\x1b[2J" not in terminal.shown
    assert "\ufffd[2Jlovely" in terminal.shown


@pytest.mark.parametrize("key", ["\x03", "\x04", "q"])
def test_control_keys_end_cleanly(key, tmp_path):
    (tmp_path / "posts.csv").write_text(POSTS)
    terminal = Terminal(tmp_path)
    terminal.press("o")
    terminal.press(key)

    assert terminal.end() == 0
    assert "labelled 1 now, 1 in all: 1 other" in terminal.shown
    assert "Traceback" not in terminal.shown


def test_a_kill_loses_nothing(tmp_path):
    (tmp_path / "posts.csv").write_text(POSTS)
    terminal = Terminal(tmp_path, "--order", "file")
    terminal.press("o")
    terminal.press("h")
    terminal.process.send_signal(signal.SIGKILL)
    terminal.end()

    assert [row["label"] for row in rows(tmp_path / "labels.csv")] == ["other", "chatter"]
    again = Terminal(tmp_path, "--order", "file")
    again.press("r")
    again.press("x")
    assert again.end() == 0
    assert "labelled 1 now, 3 in all" in again.shown
