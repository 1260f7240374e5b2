from __future__ import annotations

import base64
import gzip
import json
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from miner.collector import Labeller
from miner.lexicon import load_lexicon
from miner.sources.archive import Report, read_pages

# How long an example takes says something about the machine, not about the code.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

#: Recordings of real platforms, beside the repository and never inside it.
FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "fixtures"


@pytest.fixture(autouse=True, scope="session")
def _author_key() -> Iterator[None]:
    """Hashes that do not depend on this machine, and no key written to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINER_AUTHOR_KEY", "key of the tests")
        yield


@pytest.fixture(scope="session")
def labeller() -> Labeller:
    """Finds and labels posts about WhatsApp."""
    return Labeller(["whatsapp"], load_lexicon())


@pytest.fixture(scope="session")
def processes() -> Any:
    """Makes processes that need not load the model, each in milliseconds."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system cannot fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["collecting_child", "miner_child"])
    # Older Pythons do not hand the path of imports on to the server that preloads.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()
    return context


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    if not FIXTURES.is_dir():
        pytest.skip(f"recordings are not part of the repository and not at {FIXTURES}")
    return FIXTURES


class Reading(NamedTuple):
    posts: pd.DataFrame
    deleted: list[tuple[str, str]]
    report: Report

    @property
    def only(self) -> dict[str, Any]:
        """The one post; None where a value is null."""
        (row,) = self.posts.astype(object).where(self.posts.notna(), None).to_dict("records")
        return row

    @property
    def skipped(self) -> dict[str, int]:
        return dict(self.report.skipped)


@pytest.fixture(scope="session")
def read() -> Callable[..., Reading]:
    """Reads paths to the end, and checks that nothing was lost."""

    def read_all(paths: Any, **options: Any) -> Reading:
        report = Report()
        pages = list(read_pages(paths, report=report, **options))
        for file in report.files:
            found = sum(len(page.posts) for page in pages if page.file == file.path)
            gone = sum(len(page.deleted) for page in pages if page.file == file.path)
            assert (file.posts, file.deletions) == (found, gone)
            assert file.records == file.posts + file.deletions + file.skipped.total()
            assert file.records >= file.lines
        posts = pd.concat([page.posts for page in pages]) if pages else pd.DataFrame()
        return Reading(posts, [pair for page in pages for pair in page.deleted], report)

    return read_all


@pytest.fixture
def read_records(tmp_path: Path, read: Callable[..., Reading]) -> Callable[..., Reading]:
    """Reads records that were written as JSON lines."""

    def read_all(*records: Any, **options: Any) -> Reading:
        path = tmp_path / "records.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return read(path, **options)

    return read_all


@pytest.fixture
def read_bytes(tmp_path: Path, read: Callable[..., Reading]) -> Callable[..., Reading]:
    """Reads the bytes of a file."""

    def read_all(content: bytes, **options: Any) -> Reading:
        path = tmp_path / "file"
        path.write_bytes(content)
        return read(path, **options)

    return read_all


def cassette_bodies(path: Path) -> list[str]:
    """The response bodies of a VCR cassette, without a YAML library."""
    text = path.read_text()
    if path.suffix == ".json":
        bodies = [item["response"]["body"] for item in json.loads(text)["interactions"]]
        return [body["string"] for body in bodies]
    binary = re.findall(r"^      string: !!binary \|\n((?:        \S+\n)+)", text, re.MULTILINE)
    quoted = re.findall(r"^      string: '((?:[^']|'')*)'$", text, re.MULTILINE)
    return [
        *(gzip.decompress(base64.b64decode(body)).decode() for body in binary),
        *(_unfold(body) for body in quoted),
    ]


def _unfold(quoted: str) -> str:
    """A YAML single-quoted scalar: one line break is a blank, more are one fewer."""
    folded = re.sub(r"[ ]*\n\s*", lambda match: "\n" * (match[0].count("\n") - 1) or " ", quoted)
    return folded.replace("''", "'")


@pytest.fixture(scope="session")
def bodies() -> Callable[[Path], list[str]]:
    return cassette_bodies
