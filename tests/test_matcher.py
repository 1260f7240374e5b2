import csv
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miner import load_lexicon, match
from miner.errors import SchemaError, UnknownServiceError, UsageError
from miner.matcher import QUERY_LANGUAGES, Matcher, queries

FILE = Path(__file__).parent / "data/matcher_friends.csv"
FRIENDS = list(csv.DictReader(FILE.read_text("utf-8").splitlines(keepends=True)))
TRUE = [row for row in FRIENDS if row["friend"] == "true"]
FALSE = [row for row in FRIENDS if row["friend"] == "false"]


@pytest.fixture(scope="module")
def matcher():
    return Matcher(load_lexicon())


@pytest.fixture(scope="module")
def services_of(matcher):
    return lambda text, mode="phrase": {hit.service for hit in matcher.hits(text, mode)}


def test_the_friends_cover_what_they_should():
    assert len(TRUE) >= 300
    assert len(FALSE) >= 300
    assert len({row["service"] for row in TRUE}) >= 80
    by_language = Counter(row["lang"] for row in TRUE)
    assert len(by_language) == 14
    assert min(by_language.values()) >= 10


@pytest.mark.parametrize("row", TRUE, ids=lambda row: f"{row['service']}-{row['text'][:30]}")
def test_true_friends_match(row, services_of):
    assert row["service"] in services_of(row["text"])


@pytest.mark.parametrize("row", FALSE, ids=lambda row: f"{row['service']}-{row['text'][:30]}")
def test_false_friends_do_not_match(row, services_of):
    assert row["service"] not in services_of(row["text"])


@pytest.mark.parametrize(
    "text",
    [
        "WHATSAPP IS DOWN",
        "whatsapp is dooooown",
        "ｗｈａｔｓａｐｐ　ｉｓ　ｄｏｗｎ",
        "whats\u200bapp is down",
        "whats app is down",
        "whatsapp\nis\ndown",
        "#whatsappdown",
        "#WhatsAppDownAgain",
        "@WhatsApp is down",
        "📵 whatsapp 📵 down 📵",
        "whatsapp won’t send",
        "whatsapp won't send",
        "whatsapp wont send",
        "can't seem to get my messages to send on whatsapp",
        "WhatsApp não está funcionando",
        "whatsapp nao esta funcionando",
        "whaaaatsapp is down",
    ],
)
def test_it_is_robust_to_how_people_write(text, services_of):
    assert "whatsapp" in services_of(text)


def test_a_post_may_match_several_services(services_of):
    assert {"whatsapp", "instagram"} <= services_of("whatsapp and instagram down")


def test_the_longest_name_wins(services_of):
    assert services_of("google meet is not working") == {"google_meet"}


def test_mention_mode_needs_no_phrase(services_of):
    assert services_of("love the new whatsapp stickers") == set()
    assert services_of("love the new whatsapp stickers", "mention") == {"whatsapp"}


def test_a_phrase_far_away_belongs_to_something_else(services_of):
    assert services_of("whatsapp me. " + "bla " * 60 + "my car is not working") == set()


def test_posts_of_recovery_are_candidates_without_a_symptom(matcher):
    (hit,) = matcher.hits("whatsapp is back")

    assert (hit.service, hit.symptom_hint) == ("whatsapp", None)


def test_a_candidate_table_keeps_the_columns_of_the_posts():
    posts = pd.DataFrame({"text": ["whatsapp is down", "hello", None], "mine": [1, 2, 3]})
    table = match(posts)

    assert list(table.columns) == ["text", "mine", "service", "phrase", "symptom_hint"]
    assert table[["mine", "service", "symptom_hint"]].to_numpy().tolist() == [
        [1, "whatsapp", "down"]
    ]


def test_a_post_collected_for_a_service_is_about_that_service():
    posts = pd.DataFrame(
        {"text": ["it is down again"] * 3, "service": ["WhatsApp", "my_own", None]}
    )

    assert match(posts)["service"].tolist() == ["whatsapp", "my_own"]
    assert match(posts, ["whatsapp"])["service"].tolist() == ["whatsapp"]


def test_only_the_asked_for_services_match():
    posts = pd.DataFrame({"text": ["whatsapp and instagram down"]})

    assert match(posts, ["Instagram"])["service"].tolist() == ["instagram"]


def test_wrong_arguments_are_refused():
    posts = pd.DataFrame({"text": ["x"]})
    with pytest.raises(SchemaError, match="'text'"):
        match(pd.DataFrame({"body": ["x"]}))
    with pytest.raises(UnknownServiceError, match="Did you mean whatsapp"):
        match(posts, ["whatsaapp"])
    with pytest.raises(UsageError, match="phrase, mention"):
        match(posts, mode="both")


def test_match_does_not_write_into_its_argument():
    posts = pd.DataFrame({"text": ["whatsapp is down"]})
    before = posts.copy()
    match(posts)

    pd.testing.assert_frame_equal(posts, before)


pieces = st.sampled_from(
    [
        *("whatsapp", "instagram", "is down", "not working", "hello", "no signal", "#signaldown"),
        *("LINE繋がらない", "se cayó", "\n", "😤", "x", "teams", "can't send", "dooown", ""),
    ]
)
texts = st.lists(st.lists(pieces, max_size=6).map(" ".join), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(texts, st.integers(1, 5), st.randoms(use_true_random=False))
def test_law_1_matching_does_not_depend_on_batches_or_order(all_texts, size, random):
    posts = pd.DataFrame({"text": all_texts, "n": range(len(all_texts))})
    whole = match(posts)
    order = list(range(len(posts)))
    random.shuffle(order)
    shuffled = posts.iloc[order]
    parts = [match(shuffled.iloc[at : at + size]) for at in range(0, len(posts), size)]
    again = pd.concat(parts).sort_values("n", kind="stable", ignore_index=True)

    pd.testing.assert_frame_equal(whole, again)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_text_breaks_the_matcher(text):
    match(pd.DataFrame({"text": [text]}), mode="mention")


@pytest.mark.parametrize(
    ("platform", "limit"), [("x", 512), ("x_full_archive", 1024), ("reddit", 512)]
)
def test_queries_fit_the_platform_and_differ(platform, limit):
    found = queries("whatsapp", platform, langs=["en", "es"])

    assert found
    assert max(map(len, found)) <= limit
    assert len(set(found)) == len(found)
    assert all(query.count("(") == query.count(")") for query in found)


def test_a_query_asks_for_every_name_and_symptom():
    found = " ".join(queries("whatsapp", "x"))

    for term in ("whatsapp", "watsapp", '"not working"', "#", "@WhatsApp"):
        assert term in found or term == "#"


def test_names_alone_need_few_queries():
    assert len(queries("whatsapp", "x", mention=True)) <= 4


def test_mastodon_follows_hashtags():
    assert "whatsappdown" in queries("whatsapp", "mastodon")


def test_unknown_platforms_and_languages_are_refused():
    with pytest.raises(UsageError, match="reddit"):
        queries("whatsapp", "myspace")
    with pytest.raises(UsageError, match="no phrases in xx"):
        queries("whatsapp", "x", langs=["xx"])
    assert set(QUERY_LANGUAGES) >= {"x", "bluesky", "mastodon", "reddit"}
