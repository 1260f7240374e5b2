"""Model files: arrays and a JSON card in one ``.npz``, nothing that can execute.

Weights are stored sparsely: of 2**18 places for features only those that a training
text has hit are not zero.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from miner.classifier.model import OutageClassifier
from miner.errors import ModelError
from miner.post import LABELS, SYMPTOMS

#: Raised with every change of the features or of the file that makes old files wrong.
VERSION: Final = 1
_KIND: Final = "miner outage classifier"
SHIPPED: Final = "shipped.npz"


def save(model: OutageClassifier, path: str | Path, card: dict[str, Any]) -> None:
    """Write a fitted model; the same model and card give the same bytes."""
    arrays = {
        **_packed("coef", model.coef_),
        "intercept": model.intercept_,
        **_packed("symptom_coef", model.symptom_coef_),
        "idf": model.idf_.astype(np.float16),
        "symptom_intercept": model.symptom_intercept_,
    }
    full_card = {
        "kind": _KIND,
        "version": VERSION,
        "params": model.get_params(),
        "labels": list(model.classes_),
        "symptoms": list(model.symptoms_),
        **card,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            # A fixed date: the bytes of a file must not depend on the day of training.
            archive.writestr(_entry(f"{name}.npy"), buffer.getvalue(), compresslevel=6)
        text = json.dumps(full_card, indent=1, sort_keys=True, ensure_ascii=False)
        archive.writestr(_entry("card.json"), text, compresslevel=6)


def load(path: str | Path) -> OutageClassifier:
    """Model of a file.

    Raises:
        ModelError: not a model file, damaged, or made by a newer version.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    return _load(raw, str(path))


@functools.lru_cache(maxsize=1)
def shipped() -> OutageClassifier:
    """The model that comes with the package."""
    raw = resources.files("miner.classifier").joinpath(SHIPPED).read_bytes()
    return _load(raw, SHIPPED)


def card_of(path: str | Path) -> dict[str, Any]:
    """Card of a model file: its training data, metrics, intended use and limits."""
    try:
        return _card(zipfile.ZipFile(Path(path)), str(path))
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: not a model file: {error}") from None


def _load(raw: bytes, name: str) -> OutageClassifier:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            card = _card(archive, name)
            model = OutageClassifier(**card["params"])
            places = 1 << model.bits
            model.classes_ = _names(card["labels"], LABELS)
            model.symptoms_ = _names(card["symptoms"], SYMPTOMS)
            model.coef_ = _unpacked(archive, "coef", places, len(model.classes_))
            model.intercept_ = _array(archive, "intercept")
            model.idf_ = _array(archive, "idf").astype(np.float32)
            model.symptom_coef_ = _unpacked(archive, "symptom_coef", places, len(model.symptoms_))
            model.symptom_intercept_ = _array(archive, "symptom_intercept")
            if model.intercept_.shape != model.classes_.shape:
                raise ValueError("the number of labels and of weights differ")
            if model.symptom_intercept_.shape != model.symptoms_.shape:
                raise ValueError("the number of symptoms and of weights differ")
    except ModelError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, EOFError) as error:
        raise ModelError(
            f"{name}: not a model file of miner, or damaged ({error}); "
            "make one with `miner train`, or leave the option out to use the shipped model"
        ) from None
    return model


def _card(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        card = json.loads(archive.read("card.json"))
        kind, version = card["kind"], card["version"]
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile):
        raise ModelError(f"{name}: not a model file of miner (it has no card)") from None
    if kind != _KIND:
        raise ModelError(f"{name}: not a model file of miner (its card says {kind!r})")
    if version != VERSION:
        raise ModelError(
            f"{name}: made for version {version} of model files, this is {VERSION}; "
            "train it again with `miner train`"
        )
    result: dict[str, Any] = card
    return result


def _names(names: list[str], known: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.object_]]:
    if not names or not set(names) <= set(known):
        raise ValueError(f"unknown names {names}")
    return np.array(names, dtype=object)


def _packed(name: str, coef: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    rows = np.flatnonzero(np.any(coef != 0, axis=1))
    return {f"{name}_rows": rows.astype(np.int32), f"{name}_values": coef[rows]}


def _unpacked(archive: zipfile.ZipFile, name: str, places: int, n: int) -> np.ndarray[Any, Any]:
    rows, values = _array(archive, f"{name}_rows"), _array(archive, f"{name}_values")
    coef = np.zeros((places, n), dtype=np.float32)
    coef[rows] = values
    return coef


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.load(
        io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False
    )
    return array


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
