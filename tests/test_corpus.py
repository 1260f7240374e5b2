"""The corpus keeps the promises that data/README.md makes."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from miner import load_lexicon
from miner.classifier.corpus import COLUMNS, read_corpus
from miner.classifier.diversity import SAMPLE, distinct_share, giveaways, near_duplicates
from miner.post import LABELS, SYMPTOMS
from nltk.metrics.agreement import AnnotationTask

DATA = Path(__file__).parents[1] / "data"
#: Least number of posts by language.
LANGUAGES = {"en": 5_000, "es": 1_500, "pt": 1_200, "id": 1_200}
LANGUAGES |= dict.fromkeys(("de", "fr", "it", "nl", "tr", "ar", "hi", "ja", "ru", "pl"), 600)
#: Kinds of posts that are no complaints and are easily taken for one.
HARD = [
    *("news", "official", "joke", "advert", "past", "maintenance", "mine_works", "corporate"),
    *("hypothetical", "commentary", "recovery", "howto", "locked", "bills", "staff", "content"),
    *("request", "praise", "false_friend", "other_sense", "thanks", "question_no_fault"),
    *("sports_politics", "spam", "survey", "lyric"),
]


@pytest.fixture(scope="module")
def corpus():
    return read_corpus()


def test_it_is_large_and_covers_languages_services_and_families(corpus):
    assert list(corpus.columns) == list(COLUMNS)
    assert len(corpus) >= 15_000
    assert corpus["id"].is_unique
    for lang, least in LANGUAGES.items():
        assert (corpus["lang"] == lang).sum() >= least, lang
    for family in HARD:
        assert (corpus["family"] == family).sum() >= 150, family
    services = set(corpus["service"]) - {"any"}
    assert len(services) >= 80
    known = load_lexicon().services
    assert services <= set(known)
    assert {known[name].kind for name in services} == {s.kind for s in known.values()}
    assert corpus["author_pass"].nunique() >= 20


def test_labels_and_symptoms_are_those_of_the_guidelines(corpus):
    assert set(corpus["label"]) == set(LABELS)
    complaint = corpus["label"] == "complaint"
    assert set(corpus.loc[complaint, "symptom"]) == set(SYMPTOMS)
    assert set(corpus.loc[~complaint, "symptom"]) == {""}


def test_lengths_are_those_of_real_posts(corpus):
    lengths = corpus["text"].str.len()

    assert lengths.min() >= 2
    assert lengths.max() <= 600
    assert (lengths < 45).mean() > 0.15
    assert (lengths > 150).mean() > 0.10


def test_posts_differ(corpus):
    pairs = near_duplicates(corpus["text"].tolist())
    doubled = {row for pair in pairs for row in pair}

    assert len(doubled) / len(corpus) < 0.02
    for lang, part in corpus.groupby("lang"):
        # Kana and kanji are counted one by one, so Japanese repeats more.
        least = 0.3 if lang == "ja" else 0.7
        some = part["text"].sample(SAMPLE, random_state=0).tolist()
        assert distinct_share(some, 2) > least, lang


def test_near_duplicates_are_found_where_there_are_some():
    texts = ["whatsapp is down again in Leeds today", "Whatsapp is down again in Leeds, today!"]
    texts += ["something else entirely, about trains and the weather"]

    assert near_duplicates(texts) == [(0, 1)]


def test_no_token_gives_the_label_of_a_family_away(corpus):
    assert giveaways(corpus) == []


def test_a_token_that_gives_a_label_away_is_found():
    table = pd.DataFrame(
        {
            "text": ["zwonk is down", "zwonk no more", "lovely day", "nice weather"],
            "label": ["complaint", "complaint", "other", "other"],
            "family": ["a", "a", "b", "b"],
        }
    )
    assert "zwonk" in {token for _, token, _, _ in giveaways(table)}


def test_a_second_reading_agrees(corpus):
    text = (DATA / "second_reading.csv").read_text("utf-8")
    second = {row["id"]: row for row in csv.DictReader(io.StringIO(text))}
    first = corpus.set_index("id")["label"].to_dict()
    both = [name for name in second if name in first]
    ratings = [("first", name, first[name]) for name in both]
    ratings += [("second", name, second[name]["label"]) for name in both]

    assert len(both) >= 2_000
    assert AnnotationTask(ratings).kappa() > 0.9
    same = sum(first[name] == second[name]["label"] for name in both)
    assert same / len(both) > 0.95
