"""The database: what a page changes, and that series are those of the counter."""

import sqlite3
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miner import series
from miner.errors import NaiveTimeError, StoreError, UsageError
from miner.formats import Deletion
from miner.post import LABELS, SYMPTOMS, Post, hash_author, post_table
from miner.sources.protocol import Break, Gap, Page
from miner.store import Context, Store, Writer
from miner.store.checking import check, repair
from miner.store.connecting import writing
from miner.store.forgetting import forget_author, forget_before, forget_post
from miner.store.relabelling import relabel
from miner.store.schema import MIGRATIONS, VERSION, migrate, version_of

MINUTE = 60_000_000
HOUR = 60 * MINUTE
T0 = 1_666_677_600_000_000  # 2022-10-25T06:00Z
KEY = b"key"


def a_post(number, at=0, *, text="whatsapp is down", author="ann", source="x", **more):
    when = T0 + at
    name = None if author is None else hash_author(author, KEY)
    return Post(source, str(number), when, when, name, text, "en", **more)


def labelled(posts, label="complaint", symptom="send", service="whatsapp"):
    """A labelled table as the collector makes it, without the model."""
    table = post_table([post._replace(service=None) for post in posts])
    names = [service] * len(posts) if isinstance(service, str) else service
    return table.assign(
        service=pd.Series(names, dtype="str"),
        phrase=pd.Series(["down"] * len(posts), dtype="str"),
        symptom_hint=pd.Series([None] * len(posts), dtype="str"),
        label=pd.Series([label] * len(posts) if isinstance(label, str) else label, dtype="str"),
        p_complaint=0.9,
        symptom=pd.Series(
            [symptom] * len(posts) if isinstance(symptom, str) else symptom, dtype="str"
        ),
    )


def context(services=("whatsapp",), source="x", query="q1", model="m1", run=None):
    return Context(source, services, dict.fromkeys(services, query), model, run, T0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outages.db"


@pytest.fixture
def writer(path):
    with Writer.open(path) as opened:
        yield opened


def faults(writer):
    return [finding for finding in check(writer) if finding.fault is not None]


def put(writer, posts, *, labels=None, **page):
    table = labelled(posts) if labels is None else labels
    return writer.apply(Page(posts=posts, **page), table, context())


def test_a_post_seen_twice_is_kept_once_and_the_first_wins(writer, path):
    put(writer, [a_post(1), a_post(1)])
    put(writer, [a_post(1, text="whatsapp is not working")])
    posts = Store(path).posts()

    assert posts["text"].tolist() == ["whatsapp is down"]
    assert not faults(writer)


def test_the_table_of_posts_is_a_labelled_table(writer, path):
    from miner.post import LABELLED

    put(writer, [a_post(1)], watched=(T0, T0 + HOUR))
    posts = Store(path).posts("whatsapp", since="2022-10-25T06:00Z", until="2022-10-25T07:00Z")

    assert {name: str(dtype) for name, dtype in posts.dtypes.items()} == dict(LABELLED)
    assert posts.attrs["watched"] == [("2022-10-25T06:00:00+00:00", "2022-10-25T07:00:00+00:00")]
    assert Store(path).posts(since="2022-10-25T06:00:01Z").empty
    with pytest.raises(NaiveTimeError):
        Store(path).posts(since="2022-10-25T06:00")


def test_all_of_a_page_is_stored_or_nothing(writer, path):
    put(writer, [a_post(1)], cursors={"c": "1"}, watched=(T0, T0 + 1))
    broken = Page(posts=[a_post(2)], cursors={"c": "2"}, watched=(T0, T0 + 9), raws={"2": 7})
    with pytest.raises(TypeError):
        writer.apply(broken, labelled([a_post(2)]), context())

    assert writer.cursors("x") == {"c": "1"}
    assert Store(path).posts()["post_id"].tolist() == ["1"]
    assert Store(path).watched()["end"].tolist() == [pd.Timestamp(T0 + 1, unit="us", tz="UTC")]


def test_a_full_disk_leaves_the_last_page_and_says_so(writer, path):
    put(writer, [a_post(1)], cursors={"c": "1"})
    (pages,) = writer.connection.execute("PRAGMA page_count").fetchone()
    writer.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    many = [a_post(n, text=f"whatsapp is down {n} " * 20) for n in range(2, 400)]
    with pytest.raises(StoreError, match="disk is full"):
        put(writer, many, cursors={"c": "2"})
    assert writer.cursors("x") == {"c": "1"}
    assert not faults(writer)

    writer.connection.execute("PRAGMA max_page_count = 1000000")
    put(writer, many, cursors={"c": "2"})
    assert len(Store(path).posts()) == 399


def test_an_edit_keeps_the_time_and_older_edits_come_too_late(writer, path):
    put(writer, [a_post(1)])
    late = a_post(1, 2 * HOUR, text="whatsapp works again")
    early = a_post(1, HOUR, text="whatsapp is slow")
    for edit, label in ((late, "recovery"), (early, "complaint"), (late, "recovery")):
        table = labelled([edit], label, None)
        writer.apply(Page(edits=[edit]), table, context())
    (post,) = Store(path).posts().to_dict("records")

    assert (post["text"], post["label"]) == ("whatsapp works again", "recovery")
    assert Store(path).series(end="2022-10-25T09:00Z", start="2022-10-25T06:00Z").empty is False
    assert not faults(writer)


def test_a_deleted_post_does_not_come_back_and_its_author_has_another_complaint(writer, path):
    posts = [a_post(n, n * MINUTE) for n in range(3)]
    put(writer, posts, watched=(T0, T0 + HOUR))
    put(writer, [], deletions=[Deletion("x", "0", T0)])
    put(writer, posts)
    minutes = Store(path).series("whatsapp", end="2022-10-25T06:03Z")

    assert minutes["mentions"].tolist() == [0, 1, 1]
    assert minutes["complaints"].tolist() == [0, 1, 0]
    assert not faults(writer)


def test_watched_intervals_join_and_a_changed_query_is_a_break(writer, path):
    for start, end in ((0, 10), (20, 30), (10, 15), (14, 21)):
        put(writer, [], watched=(T0 + start, T0 + end))
    writer.apply(Page(watched=(T0 + 30, T0 + 40)), pd.DataFrame(), context(query="q2"))
    watched, breaks = Store(path).watched(), Store(path).breaks()

    assert [(t.value // 1000 - T0) for t in watched["start"]] == [0, 30]
    assert [(t.value // 1000 - T0) for t in watched["end"]] == [30, 40]
    assert "changed" in breaks["reason"].item()
    assert breaks["at"].item() == pd.Timestamp(T0 + 30, unit="us", tz="UTC")


def test_gaps_and_breaks_are_kept_with_their_reasons(writer, path):
    marks = {"gaps": [Gap(T0, T0 + 5, "too old")], "breaks": [Break(T0, "no reposts", "whatsapp")]}
    for _ in range(2):
        put(writer, [], **marks)

    assert Store(path).gaps()["reason"].tolist() == ["too old"]
    assert Store(path).breaks("whatsapp")["reason"].tolist() == ["no reposts"]


def test_the_json_of_the_platform_is_kept_compressed(writer):
    from miner.store.packing import unpack

    raw = b'{"text": "whatsapp is down", "more": "' + b"x" * 500 + b'"}'
    put(writer, [a_post(1)], raws={"1": raw})
    (packed,) = writer.connection.execute("SELECT raw FROM post").fetchone()

    assert len(packed) < 100
    assert unpack(packed) == raw


@pytest.mark.parametrize("older", range(len(MIGRATIONS) + 1))
def test_a_database_of_every_older_version_is_brought_up_to_date(path, older):
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, older)
    if older:
        rows = [(n, "x", str(n), T0 + n, "h_0", "whatsapp is down") for n in range(3)]
        connection.executemany(
            "INSERT INTO post (id, source, post_id, created_at, author, text, is_repost) "
            "VALUES (?, ?, ?, ?, ?, ?, 0)",
            rows,
        )
        connection.executemany(
            "INSERT INTO candidate (service, at, post, post_key, author_key, source, is_repost, "
            "label, p_complaint, model) VALUES ('whatsapp', ?, ?, ?, 7, 'x', 0, 'complaint', 1, "
            "'m')",
            [(T0 + n, n, n) for n in range(3)],
        )
        connection.execute("INSERT INTO watched VALUES ('x', 'whatsapp', 'q', ?, ?)", (T0, T0 + 9))
        if older >= 2:
            from miner.store.counting import rebuild

            rebuild(connection)
    connection.close()
    with Writer.open(path) as writer:
        assert version_of(writer.connection) == VERSION
        assert not faults(writer)
    if older:
        (minute,) = Store(path).series("whatsapp").to_dict("records")
        assert (minute["mentions"], minute["complaints"]) == (3, 1)


def test_a_migration_that_fails_leaves_the_older_version(path, monkeypatch):
    connection = sqlite3.connect(path, isolation_level=None)
    broken = (*MIGRATIONS, ["CREATE TABLE new (a)", "CREATE TABLE nonsense ("])
    monkeypatch.setattr("miner.store.schema.MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, VERSION + 1)

    assert version_of(connection) == VERSION
    names = connection.execute("SELECT name FROM sqlite_master WHERE name = 'new'").fetchall()
    assert names == []
    connection.close()


def test_what_is_no_database_of_this_version_is_refused_with_the_next_step(path):
    with pytest.raises(StoreError, match="miner collect"):
        Store(path).posts()
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StoreError, match=r"\.recover"), writing(path):
        pass
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(StoreError, match="another program"), writing(path):
        pass
    path.unlink()
    with writing(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match="upgrade"):
        Store(path).posts()
    path.unlink()
    older = sqlite3.connect(path, isolation_level=None)
    migrate(older, 1)
    older.close()
    with pytest.raises(StoreError, match="doctor"):
        Store(path).posts()


def test_a_damaged_page_is_found(path):
    with Writer.open(path) as writer:
        put(writer, [a_post(n, n * MINUTE) for n in range(500)])
    raw = bytearray(path.read_bytes())
    raw[8192:12288] = b"\xff" * 4096
    path.write_bytes(raw)
    with Writer.open(path) as writer:
        assert any(".recover" in (finding.fault or "") for finding in check(writer))


def test_a_reader_sees_whole_pages_while_the_job_writes(path):
    """Every page moves the end of what was watched by a minute and brings one post."""
    errors = []
    done = threading.Event()

    def read():
        while not done.is_set():
            try:
                store = Store(path)
                watched, posts = store.watched(), store.posts()
                minutes = len(store.series("whatsapp", "1min"))
                assert len(posts) >= len(watched)
                assert minutes >= len(posts) - 1
            except Exception as error:  # noqa: BLE001 - the test asks whether there is any
                errors.append(error)

    with Writer.open(path) as writer:
        put(writer, [a_post(0)], watched=(T0, T0 + MINUTE))
        reader = threading.Thread(target=read)
        reader.start()
        for n in range(1, 150):
            at = n * MINUTE
            put(writer, [a_post(n, at)], watched=(T0 + at, T0 + at + MINUTE))
        done.set()
        reader.join()

    assert errors == []


def test_forgetting_overwrites_the_text_in_the_file(writer, path):
    secret = "whatsapp is down says the secret squirrel"
    put(writer, [a_post(1, text=secret), a_post(2, author="bob")], raws={"1": secret.encode()})
    assert forget_post(writer, "x", "1", T0) == 1
    put(writer, [a_post(1, text=secret)])

    assert Store(path).posts()["post_id"].tolist() == ["2"]
    files = [path, path.with_name(path.name + "-wal")]
    assert not any(b"squirrel" in file.read_bytes() for file in files if file.exists())


def test_forgetting_an_author_or_what_is_old_corrects_the_series(writer, path):
    posts = [a_post(n, n * HOUR, author=name) for n, name in enumerate(["ann", "bob", "ann"])]
    put(writer, posts, watched=(T0, T0 + 3 * HOUR))
    assert forget_author(writer, hash_author("ann", KEY), T0) == 2
    assert Store(path).series("whatsapp", "1h")["mentions"].tolist() == [0, 1, 0]

    assert forget_before(writer, T0 + 2 * HOUR + 5) == 1
    assert Store(path).series("whatsapp", "1h")["mentions"].tolist() == [0]
    whole = Store(path).series("whatsapp", "1h", start="2022-10-25T06:00Z")
    assert whole["mentions"].isna().tolist() == [True, True, False]
    assert not faults(writer)


def test_wrong_counts_are_found_and_repaired(writer):
    put(writer, [a_post(n, n * MINUTE, author=str(n)) for n in range(5)])
    writer.connection.execute("UPDATE minute SET complaints = 7 WHERE dimension = 'lang'")
    (fault,) = faults(writer)
    assert "--repair" in fault.fault

    repair(writer)
    assert not faults(writer)


class Flip:
    """A model that calls every text a recovery, or what it is told."""

    classes_ = LABELS
    symptoms_ = SYMPTOMS

    def predict_proba(self, texts):
        return np.tile([0.0, 1.0, 0.0, 0.0], (len(texts), 1)) if self.is_on else self._other(texts)

    def __init__(self, *, is_on):
        self.is_on = is_on

    @staticmethod
    def _other(texts):
        return np.array([[len(t) % 2, 0, 0, 1 - len(t) % 2] for t in texts], dtype=float)

    def decide(self, proba, threshold):
        return np.array(LABELS, dtype=object)[proba.argmax(axis=1)]

    def predict_symptom(self, texts):
        return np.array(["slow"] * len(texts), dtype=object)


def test_relabelling_moves_the_counts_with_the_labels(writer, path):
    posts = [a_post(n, n * MINUTE, text="down" + "!" * n) for n in range(6)]
    put(writer, posts, watched=(T0, T0 + HOUR))
    assert relabel(writer, Flip(is_on=True), "m2") == (6, 6)
    assert Store(path).series("whatsapp", "1h")["recoveries"].tolist() == [6]
    assert not faults(writer)

    relabel(writer, Flip(is_on=False), "m3")
    assert relabel(writer, Flip(is_on=False), "m3") == (0, 0)
    assert Store(path).series("whatsapp", "1h")["complaints"].tolist() == [1]
    assert not faults(writer)


moments = st.integers(-90, 300).map(lambda minutes: minutes * MINUTE + 7_000_000)
one_post = st.builds(
    lambda number, at, early, author, text, lang, source, repost: a_post(
        number, at, text=text, author=author, source=source
    )._replace(observed_at=T0 + at + early, lang=lang, is_repost=repost),
    st.integers(0, 40),
    moments,
    st.integers(-40, 2).map(lambda minutes: minutes * MINUTE),
    st.sampled_from(["ann", "bob", "cat", None]),
    st.sampled_from(["whatsapp is down", "whatsapp is slow", "whatsapp is back"]),
    st.sampled_from(["en", "es", None]),
    st.sampled_from(["x", "y"]),
    st.booleans(),
)
LABEL_OF = {"whatsapp is down": "complaint", "whatsapp is slow": "complaint"}


@st.composite
def pages(draw):
    posts = draw(st.lists(one_post, max_size=8))
    edits = draw(st.lists(one_post, max_size=2))
    gone = draw(st.lists(one_post, max_size=2))
    span = sorted(draw(st.tuples(moments, moments)))
    service = draw(st.sampled_from(["whatsapp", "instagram"]))
    return posts, edits, [Deletion(p.source, p.post_id, T0) for p in gone], span, service


def apply_all(writer, drawn):
    for posts, edits, gone, (start, end), service in drawn:
        both = [*posts, *edits]
        table = labelled(
            both,
            [LABEL_OF.get(post.text, "recovery") for post in both],
            [{"whatsapp is slow": "slow", "whatsapp is down": "down"}.get(p.text) for p in both],
            service,
        )
        watched = (T0 + start, T0 + end) if start < end else None
        page = Page(posts=posts, edits=edits, deletions=gone, watched=watched)
        writer.apply(page, table, context((service,)))


@settings(max_examples=60)
@given(st.lists(pages(), min_size=1, max_size=6), st.data())
def test_series_are_those_of_the_counter_on_the_same_posts(tmp_path_factory, drawn, data):
    path = tmp_path_factory.mktemp("db") / "a.db"
    with Writer.open(path) as writer:
        apply_all(writer, drawn)
        assert not faults(writer)
    store = Store(path)
    posts, watched = store.posts(), store.watched()
    freq = data.draw(st.sampled_from(["1min", "5min", "30min", "1h", "7min", "30s", "3h"]))
    by = data.draw(st.sampled_from([None, "symptom", "lang", "country", "source"]))
    rules = data.draw(st.sampled_from([{}, {"reposts": "include"}, {"per_author": "30min"}]))
    services = sorted({*posts["service"], *watched["service"]})

    mine = store.series(None, freq, by=by, **rules)
    true = series(posts, freq, by=by, services=services, watched=watched, **rules)
    seen = true if by is None else true[true[by].isin(mine[by].unique())]
    pd.testing.assert_frame_equal(mine, seen.reset_index(drop=True))
    # A value that is left out has no post in the hours that were watched.
    rest = true.loc[~true.index.isin(seen.index), "mentions"]
    assert rest.fillna(0).eq(0).all()

    start, end = "2022-10-25T06:13Z", "2022-10-25T08:41Z"
    part = {"start": start, "end": end, **rules}
    pd.testing.assert_frame_equal(
        store.series(services, freq, **part),
        series(posts, freq, services=services, watched=watched, **part),
    )
    only = posts[posts["source"] == "x"]
    pd.testing.assert_frame_equal(
        store.series(services, freq, source="x"),
        series(only, freq, services=services, watched=store.watched(source="x")),
    )


@settings(max_examples=40)
@given(st.lists(pages(), min_size=1, max_size=5), st.integers(0, 5), st.booleans())
def test_counts_are_right_after_whatever_is_forgotten(tmp_path_factory, drawn, hours, is_author):
    path = tmp_path_factory.mktemp("db") / "a.db"
    with Writer.open(path) as writer:
        apply_all(writer, drawn)
        if is_author:
            forget_author(writer, hash_author("ann", KEY), T0)
        else:
            forget_before(writer, T0 + hours * HOUR)
        assert not faults(writer)
        apply_all(writer, drawn)
        assert not faults(writer)


def test_a_series_of_nothing_and_wrong_arguments(writer, path):
    assert Store(path).series().empty
    put(writer, [a_post(1)])
    assert Store(path).series("whatsapp").empty  # nobody watched
    with pytest.raises(UsageError):
        Store(path).series("whatsapp", "banana")
    with pytest.raises(UsageError):
        Store(path).series("whatsapp", by="colour")
