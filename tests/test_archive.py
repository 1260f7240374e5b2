from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import subprocess
import sys
import textwrap
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from miner.errors import InputError, UsageError
from miner.post import POST
from miner.sources import splitting
from miner.sources.archive import Report, read_pages, watched_table
from miner.sources.splitting import split_documents, split_lines

AT = "2024-03-05T15:04:05Z"


def row(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"created_at": AT, "text": "whatsapp is down", "post_id": str(number)} | changes


def lines(*numbers: int) -> bytes:
    return b"".join(json.dumps(row(number)).encode() + b"\n" for number in numbers)


def ids(reading: Any) -> list[int]:
    return [int(post_id) for post_id in reading.posts.post_id]


def skippable(content: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A53, len(content)) + content


PACK = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}


class TestCompression:
    @pytest.mark.parametrize("kind", PACK)
    def test_one_member_whatever_the_name(self, read_bytes, kind):
        reading = read_bytes(PACK[kind](lines(1, 2)))

        assert ids(reading) == [1, 2]
        assert reading.report.files[0].compression == kind

    @pytest.mark.parametrize("kind", PACK)
    def test_members_cut_anywhere(self, read_bytes, kind):
        content = lines(*range(300))
        reading = read_bytes(b"".join(map(PACK[kind], (content[:1000], b"", content[1000:]))))

        assert ids(reading) == list(range(300))

    @pytest.mark.parametrize("kind", ["gzip", "xz"])
    def test_padding_between_members(self, read_bytes, kind):
        reading = read_bytes(PACK[kind](lines(1)) + bytes(512) + PACK[kind](lines(2)) + bytes(8))

        assert ids(reading) == [1, 2]

    def test_zstd_skippable_frames(self, read_bytes):
        pack = zstandard.compress
        content = skippable(b"x") + pack(lines(1)) + skippable(b"y" * 9000) + pack(lines(2))
        reading = read_bytes(content)

        assert ids(reading) == [1, 2]
        assert reading.report.files[0].compression == "zstd"

    def test_zstd_long_window(self, read_bytes):
        parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
        engine = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        content = engine.compress(lines(1, 2)) + engine.flush()

        assert ids(read_bytes(content)) == [1, 2]

    @pytest.mark.parametrize("kind", PACK)
    def test_torn(self, read_bytes, kind):
        noise = os.urandom(40_000).hex()
        content = b"".join(
            json.dumps(row(number, note=noise[number * 16 : number * 16 + 400])).encode() + b"\n"
            for number in range(4000)
        )
        packed = PACK[kind](content)
        reading = read_bytes(packed[: len(packed) * 3 // 4])

        assert ids(reading) == list(range(len(reading.posts)))
        assert 0 < len(reading.posts) < 4000
        assert reading.skipped == {"compressed data ends early": 1}

    @pytest.mark.parametrize("kind", PACK)
    def test_torn_between_two_lines(self, read_bytes, kind):
        packed = PACK[kind](lines(1, 2)) + PACK[kind](lines(3))[:9]
        reading = read_bytes(packed)

        assert ids(reading) == [1, 2]
        assert reading.skipped == {"compressed data ends early": 1}

    @pytest.mark.parametrize("kind", PACK)
    def test_garbage_after_a_member(self, read_bytes, kind):
        reading = read_bytes(PACK[kind](lines(1, 2)) + b"garbage, not a member of any kind")

        assert ids(reading) == [1, 2]
        assert reading.skipped == {"compressed data is damaged": 1}

    @pytest.mark.parametrize("kind", PACK)
    def test_torn_before_anything(self, read_bytes, kind):
        with pytest.raises(InputError, match="before anything could be read"):
            read_bytes(PACK[kind](lines(1, 2))[:8])

    def test_torn_csv_drops_the_cut_row(self, read_bytes):
        whole = "created_at,text\n" + f"{AT},whatsapp\n" * 3
        packed = gzip.compress((whole + f"{AT},wha").encode())
        reading = read_bytes(packed[:-8])

        assert len(reading.posts) == 3
        assert reading.skipped == {"compressed data ends early": 1}

    def test_parquet_inside_gzip_is_refused(self, read_bytes):
        buffer = io.BytesIO()
        pq.write_table(pa.table({"created_at": [AT], "text": ["down"]}), buffer)

        assert len(read_bytes(buffer.getvalue()).posts) == 1
        with pytest.raises(InputError, match="Parquet inside gzip; unpack"):
            read_bytes(gzip.compress(buffer.getvalue()))


class TestPaths:
    @pytest.fixture
    def folder(self, tmp_path):
        for number, name in enumerate(["b.jsonl", "a/z.jsonl", "a/b/c.json", ".hidden/x", "a/.x"]):
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(lines(number))
        return tmp_path / "in"

    def test_folder_is_read_below_and_sorted(self, read, folder):
        reading = read(folder)

        names = [os.path.relpath(file.path, folder) for file in reading.report.files]
        assert names == ["b.jsonl", "a/z.jsonl", "a/b/c.json"]
        assert ids(reading) == [0, 1, 2]

    def test_patterns(self, read, folder):
        assert sorted(ids(read(f"{folder}/**/*.json*"))) == [0, 1, 2]
        assert ids(read(f"{folder}/*.jsonl")) == [0]

    def test_each_file_once(self, read, folder):
        assert ids(read([f"{folder}/b.jsonl", folder / "b.jsonl", f"{folder}/*.jsonl"])) == [0]

    def test_a_name_that_looks_like_a_pattern(self, read, tmp_path):
        path = tmp_path / "a[1].jsonl"
        path.write_bytes(lines(7))

        assert ids(read(path)) == [7]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("missing.jsonl", "no such file; check the path"),
            ("*.missing", "no file fits this pattern"),
            ("empty", "the folder holds no files"),
        ],
    )
    def test_nothing_there(self, tmp_path, name, message):
        (tmp_path / "empty").mkdir()

        with pytest.raises(InputError, match=message):
            read_pages(tmp_path / name)

    def test_no_path_at_all(self):
        with pytest.raises(UsageError, match="no file was named"):
            read_pages([])

    def test_unreadable_file(self, tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            list(read_pages("/proc/self/mem"))

    @pytest.mark.parametrize("content", [lines(1, 2), gzip.compress(lines(1, 2))])
    def test_standard_input(self, read, monkeypatch, content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

        assert ids(read("-")) == [1, 2]

    def test_parquet_through_a_pipe(self, tmp_path):
        path = tmp_path / "posts.parquet"
        pq.write_table(pa.table({"created_at": [AT], "text": ["down"]}), path)
        script = (
            "from miner.sources.archive import read_pages\n"
            "print(sum(len(page.posts) for page in read_pages('-')))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=path.read_bytes(),
            capture_output=True,
            check=True,
            env=os.environ | {"MINER_AUTHOR_KEY": "k"},
        )

        assert done.stdout == b"1\n"


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "empty; name a file"),
            (b" \n\n ", "empty; name a file"),
            (gzip.compress(b"", mtime=0), "empty; name a file"),
            (b"PK\x03\x04rest", "zip archive; unpack"),
            (b"SQLite format 3\0", "SQLite"),
            (bytes(range(256)) * 40, "binary file"),
            (b'{"a": 1}\n{"b": 2}\n', r"on line 1: unknown record: {\"a\": 1}"),
            (b"\n[1, 2]", "on line 2: not an object"),
            (b'{"a": ', "torn last line"),
        ],
    )
    def test_one_clear_line(self, read_bytes, content, message):
        with pytest.raises(InputError, match=message) as caught:
            read_bytes(content)

        assert "\n" not in str(caught.value)
        assert "file" in str(caught.value)

    def test_other_files_are_fine(self, read, tmp_path):
        for name, content in [("a", b""), ("b", b'{"x": 1}\n'), ("c", lines(1))]:
            (tmp_path / name).write_bytes(content)
        reading = read(tmp_path)

        assert ids(reading) == [1]
        assert [file.is_empty for file in reading.report.files] == [True, False, False]
        assert reading.skipped == {"unknown record": 1}
        assert f"empty: {tmp_path / 'a'}" in reading.report.summary()

    def test_a_folder_may_hold_other_things(self, read, tmp_path):
        (tmp_path / "README.md").write_text("# What lies here\n")
        (tmp_path / "figure.png").write_bytes(bytes(range(256)) * 40)
        (tmp_path / "posts.jsonl").write_bytes(lines(1))
        reading = read(tmp_path)

        assert ids(reading) == [1]
        assert reading.report.summary().count("not read: ") == 2
        with pytest.raises(InputError, match=r"README\.md"):
            read([tmp_path / "README.md", tmp_path / "posts.jsonl"])

    def test_a_folder_of_other_things_alone_is_refused(self, read, tmp_path):
        (tmp_path / "README.md").write_text("# What lies here\n")
        with pytest.raises(InputError, match=r"README\.md"):
            read(tmp_path)

    def test_unknown_format(self, tmp_path):
        with pytest.raises(UsageError, match="no format is called 'twitter'; there are twitter_v1"):
            read_pages(tmp_path, format="twitter")

    def test_batch_size(self, tmp_path):
        with pytest.raises(UsageError, match="batch_size is 0"):
            read_pages(tmp_path, batch_size=0)

    def test_forced_format(self, read_records):
        comment = {"id": "1", "body": "down", "created_utc": 1709651045, "author": "ann"}
        reading = read_records(comment, row(), format="reddit")

        assert reading.only["source"] == "reddit"
        assert reading.skipped == {"not reddit": 1}
        with pytest.raises(InputError, match="not jetstream"):
            read_records(comment, format="jetstream")


class TestRecords:
    def test_formats_may_mix(self, read_records):
        comment = {"id": "1", "body": "down", "created_utc": 1709651045, "author": "ann"}
        reading = read_records(comment, row(), comment, row())

        assert reading.posts.source.tolist() == ["reddit", "file"] * 2
        assert reading.report.files[0].formats == ["reddit", "plain"]

    def test_torn_last_line(self, read_bytes):
        reading = read_bytes(lines(1, 2)[:-10])

        assert ids(reading) == [1]
        assert reading.skipped == {"torn last line": 1}

    def test_lines_that_are_no_json(self, read_bytes):
        reading = read_bytes(lines(1) + b"oops\n\n  \n7\nnull\n{}\n[]\n" + lines(2))

        assert ids(reading) == [1, 2]
        assert reading.skipped == {
            "not JSON": 1,
            "not an object": 2,
            "unknown record": 1,
            "empty page": 1,
        }
        assert reading.report.files[0].examples[0] == (2, "not JSON", "oops")

    @pytest.mark.parametrize("text", [r"a\ud800b", r"\udc00", r"\ud83d \ude00", r"😀\ud83d"])
    def test_halves_of_surrogate_pairs(self, read_bytes, text):
        (found,) = read_bytes(lines(1).replace(b"whatsapp is down", text.encode())).posts.text

        found.encode()
        assert "\ufffd" in found

    def test_nan_and_infinity(self, read_bytes):
        content = b'{"created_at": "2024-03-05T15:04:05Z", "text": "a", "n": NaN, "m": -Infinity}'

        assert len(read_bytes(content).posts) == 1

    def test_invalid_utf8_is_kept_and_noted(self, read_bytes):
        reading = read_bytes(lines(1).replace(b"whatsapp", b"what\xffapp"))

        assert reading.only["text"] == "what\ufffdapp is down"
        assert reading.report.notes == {"invalid UTF-8 replaced": 1}

    @pytest.mark.parametrize("depth", [500, 5_000, 200_000])
    @pytest.mark.parametrize("opener", [b"[", b'{"a":'])
    def test_deep_nesting(self, read_bytes, depth, opener):
        closer = b"]" if opener == b"[" else b"}"
        reading = read_bytes(lines(1) + opener * depth + b"1" + closer * depth + b"\n" + lines(2))

        assert ids(reading) == [1, 2]
        assert sum(reading.skipped.values()) == 1

    def test_numbers_out_of_range(self, read_bytes):
        huge = b'{"created_at": %s, "text": "a"}\n'
        numbers = [b"9" * 30, b"-" + b"9" * 400, b"1e400", b"9" * 5000, b"1e-400"]
        reading = read_bytes(lines(1) + b"".join(huge % number for number in numbers))

        assert ids(reading) == [1]
        assert sum(reading.skipped.values()) == 5

    def test_carriage_returns(self, read_bytes):
        assert ids(read_bytes(lines(1, 2).replace(b"\n", b"\r\n"))) == [1, 2]

    def test_utf16(self, read_bytes):
        assert ids(read_bytes(lines(1, 2).decode().encode("utf-16"))) == [1, 2]


class TestDocuments:
    @pytest.mark.parametrize("indent", [None, 0, 2])
    @pytest.mark.parametrize("whole", [True, False])
    def test_array(self, read_bytes, indent, whole):
        text = json.dumps([row(number, odd='}]"\\') for number in range(5)], indent=indent)
        reading = read_bytes(text.encode() if whole else text.encode()[:-8])

        assert ids(reading) == list(range(5 if whole else 4))
        assert sum(reading.skipped.values()) == (not whole)

    def test_array_with_one_element_a_line(self, read_bytes):
        content = b"[\n" + lines(1, 2).replace(b"}\n", b"},\n") + lines(3) + b"]\n"

        assert ids(read_bytes(content)) == [1, 2, 3]

    def test_pretty_printed_objects_one_after_another(self, read_bytes):
        content = "\n".join(json.dumps(row(number), indent=2) for number in range(3))
        reading = read_bytes(content.encode())

        assert ids(reading) == [0, 1, 2]
        assert reading.report.files[0].lines == 3

    def test_what_is_no_object_is_counted(self, read_bytes):
        content = b"[\n1, 2,\n" + lines(1) + b", nope, " + lines(2) + b', [], "x\n]\n'
        reading = read_bytes(content)

        assert ids(reading) == [1, 2]
        assert reading.skipped == {"not JSON": 3, "empty page": 1}

    def test_a_bad_string_harms_its_line_only(self, read_bytes):
        rows = [json.dumps(row(number), indent=1) for number in range(4)]
        rows[1] = rows[1].replace('is down"', "is down")
        reading = read_bytes(("[\n" + ",\n".join(rows) + "\n]").encode())

        assert ids(reading) == [0, 2, 3]
        assert reading.skipped == {"not JSON": 1}

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
    @pytest.mark.parametrize("split", [split_lines, split_documents])
    def test_chunks_do_not_matter(self, size, split):
        content = b'{"a": "}\\"\\\\"}\n\n{"b": ["{", 1]}\n\xc3\xa9 {"c": 1}\n{"d": "x\n'
        chunks = [content[start : start + size] for start in range(0, len(content), size)]

        assert list(split(iter(chunks))) == list(split(iter([content])))

    @pytest.mark.parametrize("split", [split_lines, split_documents])
    def test_a_record_that_is_too_long(self, monkeypatch, split):
        monkeypatch.setattr(splitting, "LONGEST", 1000)
        long = b'{"b": "' + b"x" * 5000 + b'", "c": [{}]}'
        content = b'{"a": 1}\n' + long + b'\n{"d": 1}\n'
        for size in (10, 400, 10_000):
            chunks = [content[start : start + size] for start in range(0, len(content), size)]
            pieces = list(split(iter(chunks)))

            assert [piece.line for piece in pieces] == [1, 2, 3]
            assert [piece.fault for piece in pieces] == [None, "record over 64 MB", None]
            assert pieces[2].raw == b'{"d": 1}'
            assert len(pieces[1].raw) <= 200


class TestPagesAndReport:
    def test_pages(self, tmp_path):
        path = tmp_path / "a.jsonl"
        path.write_bytes(lines(*range(25)))
        pages = list(read_pages(str(path), batch_size=10))

        assert [len(page.posts) for page in pages] == [10, 10, 5]
        assert {page.file for page in pages} == {str(path)}
        assert list(pages[0].posts.columns) == list(POST)
        assert pages[0].posts.dtypes.created_at == "datetime64[us, UTC]"

    def test_one_line_with_many_posts(self, tmp_path):
        path = tmp_path / "a.json"
        path.write_text(json.dumps([row(number) for number in range(25)]) + "\n")

        assert [len(page.posts) for page in read_pages(path, batch_size=10)] == [10, 10, 5]

    def test_deletions_alone(self, tmp_path):
        path = tmp_path / "a.jsonl"
        path.write_text('{"id": "9", "action": "delete"}\n' * 25)
        pages = list(read_pages(path, batch_size=10))

        assert [len(page.deleted) for page in pages] == [10, 10, 5]
        assert list(pages[0].posts.columns) == list(POST)
        assert pages[0].posts.empty

    def test_long_texts_end_a_page(self, tmp_path):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps(row(text="x" * 5_000_000)) + "\n" for _ in range(8)))

        assert [len(page.posts) for page in read_pages(path)] == [4, 4]

    def test_totals(self, read, tmp_path):
        (tmp_path / "a.jsonl").write_bytes(lines(1, 2) + b"x\n")
        (tmp_path / "b.jsonl").write_bytes(lines(3) + b'{"id": "9", "action": "delete"}\ny\n')
        report = read(tmp_path).report

        assert (report.records, report.posts, report.deletions) == (6, 3, 1)
        assert report.skipped == {"not JSON": 2}
        assert report.summary().splitlines()[:2] == [
            "3 posts, 1 deletion, 2 skipped, from 6 records in 2 files",
            "  skipped 2: not JSON",
        ]
        as_json = json.loads(json.dumps(report.to_json()))
        assert as_json["files"][0]["watched"] == {
            "file": ["2024-03-05T15:04:05+00:00", "2024-03-05T15:04:05+00:00"]
        }
        assert as_json["files"][1]["examples"] == [[3, "not JSON", "y"]]
        assert as_json["posts"] == 3

    def test_at_most_five_short_examples(self, read_bytes):
        report = read_bytes(lines(1) + b"bad \x1b[31m \n" + b"x" * 5000 + b"\n" + b"z\n" * 8).report
        examples = report.files[0].examples

        assert len(examples) == 5
        assert examples[0] == (2, "not JSON", "bad [31m")
        assert len(examples[1][2]) == 80

    def test_watched_table(self, read_records):
        reading = read_records(
            row(created_at="2024-03-05T15:04:05.900Z"),
            row(created_at="2024-03-05T14:04:05.900Z"),
            row(source="shop"),
        )
        table = watched_table(reading.report)

        assert table.columns.tolist() == ["file", "source", "start", "end"]
        assert table.source.tolist() == ["file", "shop"]
        assert table.start[0] == pd.Timestamp("2024-03-05T14:04:05Z")
        assert table.end[0] == pd.Timestamp("2024-03-05T15:04:06.9Z")

    def test_watched_table_of_nothing(self):
        table = watched_table(Report())

        assert table.empty
        assert str(table.start.dtype) == "datetime64[us, UTC]"


MEASURE = textwrap.dedent("""
    import resource, sys
    from miner.sources.archive import read_pages
    posts = sum(len(page.posts) for page in read_pages(sys.argv[1], batch_size=2000))
    print(posts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
""")


@pytest.mark.parametrize("shape", ["lines", "array", "csv", "gzip", "zstd"])
def test_memory_is_flat(tmp_path, shape):
    """60 MB are read in less than 60 MB more than 1 MB is."""
    record = row(note="x" * 900)

    def peak(count: int) -> int:
        one = json.dumps(record).encode()
        if shape == "csv":
            content = b"created_at,text\n" + (AT.encode() + b"," + b"x" * 960 + b"\n") * count
        elif shape == "array":
            content = b"[" + b",".join([one] * count) + b"]"
        else:
            content = (one + b"\n") * count
        path = tmp_path / str(count)
        path.write_bytes(PACK[shape](content) if shape in PACK else content)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, path],
            capture_output=True,
            check=True,
            env=os.environ | {"MINER_AUTHOR_KEY": "k"},
        )
        posts, megabytes = map(int, done.stdout.split())
        assert posts == count
        return megabytes

    assert peak(60_000) - peak(1_000) < 60
