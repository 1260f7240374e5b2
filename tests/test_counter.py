import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miner import count, series
from miner.counter import Counts
from miner.counter.rows import fingerprints
from miner.counter.tally import Floods, Tally
from miner.errors import InputError, NaiveTimeError, SchemaError, UsageError
from miner.post import LABELS, SERIES_VALUES

T0 = dt.datetime(2022, 10, 25, 6, tzinfo=dt.UTC)
COUNTED = ["mentions", "complaints", "authors", "recoveries", "chatter"]


def labelled(*rows, **defaults):
    base = {"source": "x", "service": "whatsapp", "label": "complaint", "symptom": "send"}
    table = pd.DataFrame(
        [
            {**base, "post_id": str(n), "author": f"a{n}", **defaults, **row}
            for n, row in enumerate(rows)
        ]
    )
    return table.assign(
        created_at=pd.to_datetime([T0 + dt.timedelta(minutes=m) for m in table.pop("at")])
    )


def watched(*intervals):
    return pd.DataFrame(
        {
            "start": [T0 + dt.timedelta(minutes=start) for start, _ in intervals],
            "end": [T0 + dt.timedelta(minutes=end) for _, end in intervals],
        }
    )


def test_a_series_has_its_columns_in_order_and_utc_bins():
    table = series(labelled({"at": 0}), "5min")

    assert list(table.columns) == ["bin_start", "service", *SERIES_VALUES]
    assert str(table["bin_start"].dtype) == "datetime64[us, UTC]"
    assert table["complaints"].tolist() == [1]


def test_an_hour_not_watched_is_null_and_an_hour_watched_with_nothing_in_it_is_zero():
    table = series(labelled({"at": 0}, {"at": 185}), "1h", watched=watched((0, 120), (180, 240)))

    assert table["coverage"].tolist() == [1, 1, 0, 1]
    assert table["complaints"].fillna(-1).tolist() == [1, 0, -1, 1]
    assert table.loc[2, list(SERIES_VALUES)].drop("coverage").isna().all()


def test_coverage_is_the_watched_share_of_the_bin():
    table = series(labelled({"at": 20}), "1h", watched=watched((15, 30), (20, 45)))

    assert table["coverage"].tolist() == [0.5]


def test_posts_outside_of_what_was_watched_do_not_count():
    table = series(labelled({"at": 5}, {"at": 20}), "1h", watched=watched((15, 60)))

    assert table["mentions"].tolist() == [1]


def test_the_same_post_seen_twice_counts_once():
    one = labelled({"at": 0})

    assert count(pd.concat([one, one])).series("1h")["mentions"].tolist() == [1]


def test_a_post_about_two_services_counts_for_both():
    table = labelled({"at": 0, "post_id": "1"}, {"at": 0, "post_id": "1", "service": "instagram"})

    assert series(table, "1h")["mentions"].tolist() == [1, 1]


def test_one_complaint_an_author_and_hour():
    table = labelled(*({"at": at, "author": "ann"} for at in (0, 10, 59, 60)))

    assert series(table, "1h")["complaints"].tolist() == [1, 1]
    assert series(table, "1h")["mentions"].tolist() == [3, 1]
    assert series(table, "1h", per_author="off")["complaints"].tolist() == [3, 1]
    assert series(table, "1h", per_author="30min")["complaints"].tolist() == [2, 1]


def test_posts_without_an_author_count_each():
    table = labelled({"at": 0, "author": None}, {"at": 1, "author": None})

    assert series(table, "1h")["complaints"].tolist() == [2]


def test_reposts_are_left_out_unless_asked_for():
    table = labelled({"at": 0}, {"at": 1, "is_repost": True}, is_repost=False)

    assert series(table, "1h")["mentions"].tolist() == [1]
    assert series(table, "1h", reposts="include")["mentions"].tolist() == [2]


def test_a_clock_in_the_future_is_corrected_by_the_time_of_observation():
    table = labelled({"at": 500}).assign(observed_at=pd.to_datetime([T0]))

    assert series(table, "1h")["bin_start"].tolist() == [pd.Timestamp(T0)]


def test_splitting_by_a_dimension_adds_up_to_the_whole():
    table = labelled(
        {"at": 0, "symptom": "send"}, {"at": 1, "symptom": "down"}, {"at": 2, "label": "chatter"}
    )
    split = series(table, "1h", by="symptom")

    assert split["symptom"].tolist() == ["down", "none", "send"] or set(split["symptom"]) == {
        "down",
        "send",
    }
    assert split[COUNTED].sum().tolist() == series(table, "1h")[COUNTED].sum().tolist()


def test_an_asked_for_service_without_posts_has_zeros():
    table = series(labelled({"at": 0}), "1h", services=["signal", "whatsapp"])

    assert dict(zip(table["service"], table["complaints"], strict=True)) == {
        "signal": 0,
        "whatsapp": 1,
    }


def test_a_range_shows_every_bin_of_it():
    table = series(labelled({"at": 0}), "1h", start="2022-10-25T05:00Z", end="2022-10-25T08:00Z")

    assert table["complaints"].fillna(-1).tolist() == [-1, 1, -1]


def test_weeks_begin_on_monday():
    assert series(labelled({"at": 0}), "1W")["bin_start"].dt.day_name().tolist() == ["Monday"]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda t: t.drop(columns="label"), SchemaError, "'label'"),
        (lambda t: t.assign(label="bad"), InputError, "'bad' is no label"),
        (lambda t: t.assign(symptom="bad"), InputError, "'bad' is no symptom"),
        (
            lambda t: t.assign(created_at=t["created_at"].dt.tz_localize(None)),
            NaiveTimeError,
            "zone",
        ),
    ],
)
def test_a_wrong_table_is_refused(change, error, says):
    with pytest.raises(error, match=says):
        count(change(labelled({"at": 0})))


@pytest.mark.parametrize("freq", ["banana", "1ms", "2W", "-1h", "", "1M"])
def test_a_frequency_that_makes_no_sense_is_refused(freq):
    with pytest.raises(UsageError):
        series(labelled({"at": 0}), freq)


def test_a_naive_range_is_refused():
    with pytest.raises(NaiveTimeError, match="add Z"):
        series(labelled({"at": 0}), "1h", start="2022-10-25T05:00")


def test_a_range_of_absurd_length_is_refused_before_it_fills_the_memory():
    with pytest.raises(UsageError, match="wider bins"):
        series(labelled({"at": 0}, {"at": 60 * 24 * 365 * 60}), "1s")


minutes = st.integers(0, 300)
post = st.fixed_dictionaries(
    {
        "at": minutes,
        "post_id": st.integers(0, 30).map(str),
        "author": st.sampled_from(["ann", "bob", "cat", None]),
        "label": st.sampled_from(LABELS),
        "service": st.sampled_from(["whatsapp", "instagram"]),
        "lang": st.sampled_from(["en", "es", None]),
        "is_repost": st.booleans(),
    }
).map(lambda row: {**row, "symptom": "send" if row["label"] == "complaint" else None})
tables = st.lists(post, min_size=1, max_size=25).map(lambda rows: labelled(*rows))


@settings(max_examples=60, deadline=None)
@given(tables, tables, st.sampled_from([None, "symptom", "lang"]))
def test_law_2_counts_add_up_over_parts_whatever_their_order(a, b, by):
    both = count(pd.concat([a, b], ignore_index=True))
    assert count(a) + count(b) == both == count(b) + count(a)

    whole = both.series("30min", by=by)
    pd.testing.assert_frame_equal(whole, (count(b) + count(a)).series("30min", by=by))


@settings(max_examples=40, deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_law_2_holds_for_any_order_of_rows(table, random):
    order = list(range(len(table)))
    random.shuffle(order)

    assert count(table) == count(table.iloc[order].reset_index(drop=True))


@settings(max_examples=20, deadline=None)
@given(tables)
def test_counts_spilled_to_disk_are_the_same(table):
    counts = count(table)
    with Tally(counts.books, limit=3) as tally:
        for at in range(len(counts.rows)):
            tally.add(counts.rows[at : at + 1])
        import numpy as np

        none = np.zeros(0, dtype=np.uint64)
        parts = list(tally.posts(counts.rules, none))
    spilled = Counts(np.concatenate(parts), counts.books, counts.rules)

    assert spilled == counts


def test_counts_by_different_rules_do_not_add():
    table = labelled({"at": 0})
    with pytest.raises(UsageError, match="do not add"):
        count(table) + count(table, reposts="include")


def test_near_duplicate_texts_share_a_fingerprint():
    text = "Free followers today only, visit our profile now and claim your reward before midnight"
    changed = text.replace("today", "tonight") + " 🎁 https://t.co/abc @ann"

    assert set(fingerprints(text)) & set(fingerprints(changed))
    assert fingerprints("whatsapp down again") == (0, 0)


def test_a_text_pasted_by_many_accounts_is_a_flood():
    text = (
        "everyone please retweet this: whatsapp servers are down because hackers deleted them all"
    )
    rows = [{"at": n, "text": f"{text} {n}"} for n in range(6)]
    rows += [
        {"at": 9, "text": "my own words about whatsapp not sending my messages since this morning"}
    ]
    counts = count(labelled(*rows))
    floods = Floods()
    floods.add(counts.rows)

    assert floods.n_accounts() == 6
    assert not floods.prints() & set(fingerprints(rows[-1]["text"]))
