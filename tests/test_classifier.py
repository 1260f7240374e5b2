import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miner import OutageClassifier, label
from miner.classifier import load, save
from miner.classifier.features import Layout, featurize
from miner.classifier.reference import reference_features
from miner.errors import ModelError, SchemaError, UsageError
from miner.post import LABELS, SYMPTOMS
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

TEXTS = [
    *("whatsapp is down", "my messages won't send", "no internet since 5", "app keeps crashing"),
    *("it's back", "working again", "finally fixed", "power is restored here"),
    *("users report an outage https://t.co/x", "everyone running to twitter lol", "try ours"),
    *("good morning", "love the new stickers", "my bill is too high", "how do I change my plan"),
]
Y = ["complaint"] * 4 + ["recovery"] * 4 + ["chatter"] * 3 + ["other"] * 4
SYMPTOM = ["down", "send", "connect", "crash"] + [""] * 11


@pytest.fixture(scope="module")
def model():
    return OutageClassifier(bits=12).fit(TEXTS, Y, SYMPTOM)


def test_it_learns_labels_and_symptoms(model):
    assert model.predict(TEXTS).tolist() == Y
    assert model.predict_symptom(TEXTS[:4]).tolist() == SYMPTOM[:4]


def test_probabilities_are_one_a_label_and_sum_to_one(model):
    proba = model.predict_proba(TEXTS)

    assert proba.shape == (len(TEXTS), 4)
    assert model.classes_.tolist() == list(LABELS)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_it_is_an_estimator_of_scikit_learn(model):
    copy = clone(OutageClassifier(bits=10, C=2.0))
    assert copy.get_params()["C"] == 2.0
    y = ["complaint" if name == "complaint" else "other" for name in Y]
    assert len(cross_val_score(OutageClassifier(bits=10), np.array(TEXTS), y, cv=2)) == 2
    search = GridSearchCV(OutageClassifier(bits=10), {"C": [1.0, 3.0]}, cv=2)
    assert search.fit(np.array(TEXTS), y).best_params_["C"] in {1.0, 3.0}
    pipeline = make_pipeline(FunctionTransformer(), OutageClassifier(bits=10))
    assert pipeline.fit(TEXTS, Y).predict(["whatsapp is down"]).tolist() == ["complaint"]


def test_fitting_twice_gives_the_same_bytes(model, tmp_path):
    again = OutageClassifier(bits=12).fit(TEXTS, Y, SYMPTOM)
    save(model.fitted, tmp_path / "a.npz", {})
    save(again.fitted, tmp_path / "b.npz", {})

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_saved_model_is_the_same_model(model, tmp_path):
    save(model.fitted, tmp_path / "a.npz", {"note": "x"})

    np.testing.assert_allclose(
        load(tmp_path / "a.npz").predict_proba(TEXTS), model.predict_proba(TEXTS), atol=1e-9
    )


def test_foreign_and_damaged_files_are_refused(model, tmp_path):
    path = tmp_path / "a.npz"
    save(model.fitted, path, {})
    whole = path.read_bytes()
    cases = [b"", b"hello", whole[: len(whole) // 2], whole[:-100], _zip({"a": b"b"})]
    cases.append(_zip({"card.json": b'{"kind": "other", "version": 1}'}))
    cases.append(_zip({"card.json": b'{"kind": "miner outage classifier", "version": 99}'}))
    pickled = io.BytesIO()
    np.save(pickled, np.array([object()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    cases.append(_zip({**entries, "intercept.npy": pickled.getvalue()}))
    for raw in cases:
        path.write_bytes(raw)
        with pytest.raises(ModelError, match=r"a\.npz"):
            load(path)
    with pytest.raises(ModelError, match="cannot be read"):
        load(tmp_path / "no.npz")


def _zip(entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, raw in entries.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def test_the_shipped_model_knows_its_job():
    texts = ["whatsapp is down, can't send anything", "lovely weather in Kochi today"]
    table = label(pd.DataFrame({"text": texts}))

    assert table["label"].tolist() == ["complaint", "other"]
    assert table["symptom"].iloc[0] in SYMPTOMS
    assert table["symptom"].isna().tolist() == [False, True]


def test_purposes_move_the_threshold():
    texts = pd.DataFrame({"text": TEXTS})
    counts = [
        (label(texts, purpose=purpose)["label"] == "complaint").sum()
        for purpose in ("precise", "balanced", "sensitive")
    ]

    assert counts == sorted(counts)


def test_wrong_arguments_are_refused(model):
    with pytest.raises(SchemaError, match="'text'"):
        label(pd.DataFrame({"body": ["x"]}))
    with pytest.raises(UsageError, match="balanced, precise"):
        label(pd.DataFrame({"text": ["x"]}), purpose="best")
    with pytest.raises(TypeError, match=r"\[text\]"):
        model.predict("one text")


def test_texts_that_are_missing_are_labelled_too():
    table = label(pd.DataFrame({"text": ["", None, float("nan")]}))

    assert set(table["label"]) <= set(LABELS)


def test_an_empty_table_stays_empty():
    assert label(pd.DataFrame({"text": []})).columns.tolist() == [
        *("text", "label", "p_complaint", "symptom")
    ]


some_text = st.one_of(
    st.text(max_size=60), st.sampled_from(TEXTS), st.just("LINE繋がらない😤ｆｕｌｌ")
)


@settings(max_examples=60, deadline=None)
@given(st.lists(some_text, min_size=1, max_size=12), st.integers(1, 4), st.randoms())
def test_law_1_labelling_does_not_depend_on_batches_or_order(texts, size, random):
    posts = pd.DataFrame({"text": texts, "n": range(len(texts))})
    whole = label(posts)
    shuffled = posts.sample(frac=1, random_state=random.randrange(2**32))
    parts = [label(shuffled.iloc[at : at + size]) for at in range(0, len(posts), size)]
    again = pd.concat(parts).sort_values("n", kind="stable", ignore_index=True)

    pd.testing.assert_frame_equal(whole, again)


@given(st.lists(some_text, max_size=8))
def test_features_of_a_batch_are_those_of_each_text(texts):
    layout = Layout(names=("instagram", "whatsapp"))
    batch = featurize(texts, layout)
    for row, text in enumerate(texts):
        alone = featurize([text], layout)
        for kind in range(len(alone.index)):
            start, end = batch.start[kind][row : row + 2]
            assert batch.index[kind][start:end].tolist() == alone.index[kind].tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("WHATSAPP IS DOWN", "whatsapp is down"),
        ("whatsapp is dooown", "whatsapp is down"),
        ("instagram is down", "whatsapp is down"),
        ("see https://t.co/a", "see https://t.co/b"),
        ("@ann hi", "@bob hi"),
        ("não dá", "nao da"),
        ("route 12", "route 34"),
    ],
)
def test_what_does_not_matter_is_masked(one, other):
    layout = Layout(names=("instagram", "whatsapp"))
    a, b = featurize([one], layout), featurize([other], layout)

    assert [x.tolist() for x in a.index] == [x.tolist() for x in b.index]


@settings(max_examples=300, deadline=None)
@given(some_text)
def test_the_fast_features_are_those_of_the_plain_reference(text):
    layout = Layout(names=("instagram", "whatsapp"))
    fast = featurize([text], layout)
    plain = [feature.place for feature in reference_features(text, layout)]

    assert sorted(np.concatenate(fast.index).tolist()) == sorted(plain)


def test_the_fast_probabilities_are_those_of_the_plain_reference(model):
    for text in TEXTS:
        places = [feature.place for feature in reference_features(text, model.fitted.layout)]
        length = np.sqrt(np.sum(model.fitted.idf[places].astype(float) ** 2))
        score = (
            model.fitted.coef[places].astype(float).sum(axis=0) / length + model.fitted.intercept
        )
        proba = np.exp(score) / np.exp(score).sum()

        np.testing.assert_allclose(model.predict_proba([text])[0], proba, atol=1e-6)
