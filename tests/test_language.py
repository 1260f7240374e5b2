import pandas as pd
import pytest

pytest.importorskip("lingua", reason="needs the extra: pip install miner[language]")

from miner.classifier.corpus import read_corpus
from miner.language import LANGUAGES, recognise, with_languages

pytestmark = pytest.mark.slow  # lingua loads for two seconds


def test_short_posts_are_recognised():
    texts = [
        "WhatsApp lässt sich nicht öffnen",
        "se cayó el internet otra vez",
        "caiu a luz aqui de novo",
        "インスタ落ちてる？",
        "wifi-nya mati lagi nih",
        "не работает вотсап",
    ]

    assert recognise(texts) == ["de", "es", "pt", "ja", "id", "ru"]


def test_a_text_without_words_has_no_language():
    assert recognise(["", "https://t.co/abc", "@whatsapp", "😭😭"]) == [None] * 4


def test_most_posts_of_the_corpus_are_told_and_told_right():
    corpus = read_corpus()
    # Half of the Hindi posts are in Latin letters and full of English words.
    some = corpus[corpus["lang"].isin(set(LANGUAGES) - {"hi"})].sample(2_000, random_state=0)
    found = pd.Series(recognise(some["text"].tolist()), index=some.index)

    assert found.notna().mean() > 0.9
    assert (found[found.notna()] == some["lang"][found.notna()]).mean() > 0.95


def test_what_the_platform_says_stays():
    langs = pd.Series(["fr", None, "und"], dtype="str")
    texts = pd.Series(["the app is down again", "the app is down again", "die App geht nicht"])

    assert with_languages(langs, texts).tolist() == ["fr", "en", "de"]
