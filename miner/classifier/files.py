"""Model files: arrays and a JSON card in one ``.npz``, nothing that can execute.

Weights are stored sparsely: of 2**18 places for features only those that a training
text has hit are not zero.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from miner.classifier.features import Layout
from miner.classifier.linear import LinearModel
from miner.errors import ModelError
from miner.post import LABELS, SYMPTOMS

#: Raised with every change of the features or of the file that makes old files wrong.
VERSION: Final = 1
_KIND: Final = "miner outage classifier"
SHIPPED: Final = "shipped.npz"
_ADVICE: Final = "make one with `miner train`, or leave the option out to use the shipped model"


def save(model: LinearModel, path: str | Path, card: dict[str, Any]) -> None:
    """Write a model; the same model and card give the same bytes.

    Args:
        model: of an ``OutageClassifier``, its ``fitted``.
        path: file to write.
        card: what else people should know: training data, metrics, intended use, limits.
    """
    arrays = {
        **_packed("coef", model.coef),
        "intercept": model.intercept,
        **_packed("symptom_coef", model.symptom_coef),
        "symptom_intercept": model.symptom_intercept,
        "idf": model.idf.astype(np.float16),
    }
    full_card = {
        **card,
        "kind": _KIND,
        "version": VERSION,
        "layout": asdict(model.layout),
        "labels": list(model.classes_),
        "symptoms": list(model.symptoms_),
        "threshold": model.threshold,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            archive.writestr(_entry(f"{name}.npy"), buffer.getvalue(), compresslevel=6)
        text = json.dumps(full_card, sort_keys=True, ensure_ascii=False)
        archive.writestr(_entry("card.json"), text, compresslevel=6)


def load(path: str | Path) -> LinearModel:
    """Model of a file.

    Raises:
        ModelError: not a model file, damaged, or made by another version.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    return _load(raw, str(path))


@functools.lru_cache(maxsize=1)
def shipped() -> LinearModel:
    """The model that comes with the package."""
    raw = resources.files("miner.classifier").joinpath(SHIPPED).read_bytes()
    return _load(raw, SHIPPED)


def version_of(path: str | Path | None = None) -> str:
    """Name and fingerprint of a model file, the shipped one by default.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        if path is None:
            raw = resources.files("miner.classifier").joinpath(SHIPPED).read_bytes()
        else:
            raw = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    name = "shipped" if path is None else Path(path).stem
    return f"{name} {hashlib.sha256(raw).hexdigest()[:12]}"


def card_of(path: str | Path) -> dict[str, Any]:
    """Card of a model file: its training data, metrics, intended use and limits.

    Raises:
        ModelError: not a model file, damaged, or made by another version.
    """
    try:
        with zipfile.ZipFile(Path(path)) as archive:
            return _card(archive, str(path))
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: not a model file: {error}") from None


def _load(raw: bytes, name: str) -> LinearModel:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _model(archive, _card(archive, name))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, EOFError) as error:
        raise ModelError(
            f"{name}: not a model file of miner, or damaged ({error}); {_ADVICE}"
        ) from None


def _model(archive: zipfile.ZipFile, card: dict[str, Any]) -> LinearModel:
    fields: dict[str, Any] = card["layout"]
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    layout = Layout(**{**fields, **lists})
    places = 1 << layout.bits
    labels, symptoms = _names(card["labels"], LABELS), _names(card["symptoms"], SYMPTOMS)
    model = LinearModel(
        layout=layout,
        idf=_array(archive, "idf").astype(np.float32),
        coef=_unpacked(archive, "coef", places, len(labels)),
        intercept=_array(archive, "intercept"),
        classes_=labels,
        symptom_coef=_unpacked(archive, "symptom_coef", places, len(symptoms)),
        symptom_intercept=_array(archive, "symptom_intercept"),
        symptoms_=symptoms,
        threshold=card["threshold"],
    )
    shapes = (model.idf.shape, model.intercept.shape, model.symptom_intercept.shape)
    if shapes != ((places,), labels.shape, symptoms.shape):
        raise ValueError("the sizes of its parts do not fit")
    return model


def _card(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        card = json.loads(archive.read("card.json"))
        kind, version = card["kind"], card["version"]
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile):
        raise ModelError(f"{name}: not a model file of miner (no card); {_ADVICE}") from None
    if kind != _KIND:
        raise ModelError(f"{name}: not a model file of miner (its card says {kind!r}); {_ADVICE}")
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
    # A fixed date: the bytes of a file must not depend on the day of training.
    entry = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
