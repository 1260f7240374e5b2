import csv
import io

import pandas as pd
import pytest
from miner.classifier import OutageClassifier, card_of, load, shipped
from miner.classifier.corpus import corpus_folder, fingerprint, own_labels, read_corpus
from miner.classifier.explaining import explain
from miner.classifier.files import SHIPPED
from miner.classifier.training import main
from miner.classifier.validation import before_and_after, figures_by, out_of_fold
from miner.errors import InputError, SchemaError


def small(n=400):
    return read_corpus().sample(n, random_state=1).reset_index(drop=True)


def test_the_shipped_model_was_trained_on_the_corpus_of_the_repository():
    card = card_of(corpus_folder().parents[1] / "miner" / "classifier" / SHIPPED)

    assert card["trained_on"]["sha256"] == fingerprint(read_corpus())


@pytest.mark.slow
def test_training_again_gives_the_same_model(tmp_path):
    # The same bytes on one machine; another processor may round the last digits otherwise.
    main(tmp_path / "again.npz")
    texts = small()["text"].tolist()
    again = load(tmp_path / "again.npz").predict_proba(texts)

    assert again == pytest.approx(shipped().predict_proba(texts), abs=0.01)


def test_out_of_fold_labels_every_row_without_its_group():
    table = small()
    result = out_of_fold(table, table["service"], OutageClassifier(bits=12), folds=3)

    assert len(result) == len(table)
    assert result["true_label"].tolist() == table["label"].tolist()
    assert result["p_complaint"].between(0, 1).all()
    by_language = figures_by(result, "lang")
    assert by_language["posts"].sum() == len(table)


@pytest.mark.slow
def test_own_labels_help_on_posts_like_them():
    # A world the shipped model must get wrong, whatever it was trained on.
    rows = [{"text": f"the zwonk purrs again {n}", "label": "complaint"} for n in range(40)]
    rows += [{"text": f"the zwonk is not working {n}", "label": "other"} for n in range(40)]
    own = own_labels(pd.DataFrame(rows), "own.csv")
    _, figures = before_and_after(own, small(200))
    f1 = next(row for row in figures if row[0] == "f1")

    assert f1[3] > 0.95 > f1[1]


def test_own_labels_are_checked():
    with pytest.raises(SchemaError, match=r"own.csv: no column 'label'"):
        own_labels(pd.DataFrame({"text": ["x"]}), "own.csv")
    with pytest.raises(InputError, match=r"row 3: 'bad' is no label"):
        own_labels(pd.DataFrame({"text": ["x", "y"], "label": ["other", "bad"]}), "own.csv")
    shaped = own_labels(pd.DataFrame({"text": ["x", "y"], "label": ["other", ""]}), "own.csv")
    assert shaped["text"].tolist() == ["x"]


def test_a_folder_without_a_corpus_is_named(tmp_path):
    with pytest.raises(InputError, match="no corpus here"):
        read_corpus(tmp_path)


def test_an_explanation_adds_up_to_the_difference_of_the_scores():
    import numpy as np

    text = "my whatsapp messages won't send, anyone else?"
    found = explain(text, shipped())
    total = found.bias + sum(weight for _, weight in found.words)
    expected = np.log(found.proba["complaint"] / found.proba[found.rival])

    assert found.label == "complaint"
    assert total == pytest.approx(expected, abs=1e-5)


def test_the_corpus_has_its_columns_and_no_broken_rows():
    for path in corpus_folder().glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
        assert {len(row) for row in rows} == {8}, path
