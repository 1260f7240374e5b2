from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from miner.errors import InputError
from miner.post import POST, derive_post_id, hash_author
from miner.sources.opening import open_file
from miner.sources.tables import delimited_rows

AT = pd.Timestamp("2024-03-05T15:04:05Z")
HEADER = "created_at,text"


def table(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


def test_every_column(read_bytes):
    reading = read_bytes(
        table(
            "2024-03-05T16:04:05+01:00,whatsapp is down,9,shop,ann,DE-at,yes,7,at,whatsapp,x",
            header="created_at,text,post_id,source,author,lang,is_repost,reply_to,country,service,z",
        )
    )

    assert reading.only == {
        "source": "shop",
        "post_id": "9",
        "created_at": AT,
        "observed_at": None,
        "author": hash_author("ann", b"key of the tests"),
        "text": "whatsapp is down",
        "lang": "de",
        "is_repost": True,
        "reply_to": "7",
        "country": "AT",
        "service": "whatsapp",
    }
    assert reading.report.files[0].formats == ["plain"]


def test_two_columns_are_enough(read_bytes):
    only = read_bytes(table("2024-03-05T15:04:05Z,down")).only

    assert only["source"] == "file"
    assert only["post_id"] == derive_post_id("file", None, 1709651045000000, "down")
    assert "service" not in only


@pytest.mark.parametrize(
    "time",
    [
        "2024-03-05T15:04:05Z",
        "2024-03-05 15:04:05+00:00",
        "2024-03-05T20:34:05+05:30",
        " 1709651045 ",
        "1709651045.0",
        "1709651045000",
        "1709651045000000",
        1709651045,
        1709651045.0,
        1709651045000,
        1709651045000000,
    ],
)
def test_times(read_bytes, time):
    record = {"created_at": time, "text": "down"}

    assert read_bytes(json.dumps(record).encode()).only["created_at"] == AT


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("", "no time"),
        ("2024-03-05 15:04:05", "time without zone"),
        ("2024-03-05", "time without zone"),
        ("yesterday", "unreadable time"),
        ("2024-02-30T00:00:00Z", "unreadable time"),
        ("NaN", "unreadable time"),
        ("9" * 20, "unreadable time"),
        ("1969-01-01T00:00:00Z", "implausible time"),
        ("2100-01-01T00:00:00Z", "implausible time"),
        ("12", "implausible time"),
    ],
)
def test_refused_times(read_bytes, time, reason):
    assert read_bytes(table("2024-03-05T15:04:05Z,down", f"{time},down")).skipped == {reason: 1}


def test_a_file_of_naive_times_is_refused(read_bytes):
    with pytest.raises(InputError, match=r"created_at says its zone.*2024-03-05.*add a Z"):
        read_bytes(table("2024-03-05 15:04:05,down", "2024-03-06 15:04:05,up"))


def test_observed_time_vouches_for_a_lying_clock(read_bytes):
    reading = read_bytes(
        table(
            "1970-01-01T00:00:00Z,down,2024-03-05T15:04:05Z",
            "1970-01-01T00:00:00Z,down,",
            header="created_at,text,observed_at",
        )
    )

    assert reading.only["observed_at"] == AT
    assert reading.skipped == {"implausible time": 1}
    assert reading.report.files[0].watched == {"file": (1709651045000000,) * 2}


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_delimiters(read_bytes, mark):
    rows = [("Created_At", " TEXT "), ("2024-03-05T15:04:05Z", '"a, b; c"')]
    content = "\n".join(mark.join(row) for row in rows)

    assert read_bytes(content.encode()).only["text"] == "a, b; c"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(read_bytes, encoding):
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    content = f"{mark}{HEADER}\n2024-03-05T15:04:05Z,caído 😡\n".encode(encoding)

    assert read_bytes(content).only["text"] == "caído 😡"


def test_quoted_newlines_nul_bytes_and_blank_lines(read_bytes):
    reading = read_bytes(
        b'created_at,text\r\n\r\n2024-03-05T15:04:05Z,"a\nb ""c"""\r\n  \n'
        b"2024-03-05T15:04:05Z,d\0e\n"
    )

    assert reading.posts.text.tolist() == ['a\nb "c"', "d\0e"]
    assert reading.skipped == {}


def test_rows_that_do_not_fit(read_bytes):
    reading = read_bytes(
        table("2024-03-05T15:04:05Z,down", "2024-03-05T15:04:05Z", "2024-03-05T15:04:05Z,a,b")
    )

    assert reading.skipped == {"too few fields": 1, "too many fields": 1}


def test_a_quote_that_never_closes(read_bytes):
    reading = read_bytes(table("2024-03-05T15:04:05Z,a", '2024-03-05T15:04:05Z,"b', "x,y"))

    assert reading.skipped == {"unclosed quote": 1}


def test_a_huge_field(read_bytes):
    row = "2024-03-05T15:04:05Z,"
    reading = read_bytes(table(row + "a" * 9_000_000, row + "a" * 11_000_000, row + "b"))

    assert len(reading.posts) == 2
    assert reading.skipped == {"field over 10 MB": 1}


def test_invalid_utf8_is_kept_and_noted(read_bytes):
    reading = read_bytes(table("2024-03-05T15:04:05Z,down") + b"2024-03-05T15:04:05Z,ca\xeddo\n")

    assert reading.posts.text.tolist() == ["down", "ca\ufffddo"]
    assert reading.report.notes == {"invalid UTF-8 replaced": 1}


@pytest.mark.parametrize("word", ["true", "1", "YES", "True"])
def test_reposts(read_bytes, word):
    row = f"2024-03-05T15:04:05Z,down,{word}"

    assert read_bytes(table(row, header=f"{HEADER},is_repost")).only["is_repost"] is True


def test_no_reposts(read_bytes):
    rows = [f"2024-03-05T15:04:05Z,down,{word}" for word in ("false", "0", "no", "", "perhaps")]
    reading = read_bytes(table(*rows, header=f"{HEADER},is_repost"))

    assert reading.posts.is_repost.tolist() == [False] * 4
    assert reading.skipped == {"unreadable is_repost": 1}


def test_ids_that_a_spreadsheet_rounded(read_bytes):
    reading = read_bytes(
        table(
            "2024-03-05T15:04:05Z,a,8.67478E+17",
            "2024-03-05T15:04:05Z,b,12",
            header=f"{HEADER},post_id",
        )
    )

    assert reading.skipped == {"rounded post_id": 1}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("created_at,body", r"no column 'text'.*'created_at', 'body'.*Rename"),
        ("time,body", r"no column 'created_at' and no column 'text'"),
        ("created_at,text,Text", r"2 columns are named 'text'"),
        ("just a letter", r"no column"),
    ],
)
def test_headers_that_will_not_do(read_bytes, header, message):
    with pytest.raises(InputError, match=message):
        read_bytes(table("a,b", header=header))


def test_json_lines_with_names_in_capitals(read_bytes):
    reading = read_bytes(b'{"Created_At": "2024-03-05T15:04:05Z", "TEXT": "down", "Post_ID": 5}')

    assert reading.only["post_id"] == "5"


@pytest.mark.parametrize(
    "wrong",
    [{"text": ["a"]}, {"text": None}, {"created_at": {}}, {"is_repost": []}, {"post_id": 1.5}],
)
def test_wrong_types_are_skipped(read_records, wrong):
    good = {"created_at": "2024-03-05T15:04:05Z", "text": "down"}

    assert sum(read_records(good, good | wrong).skipped.values()) == 1


def test_parquet(read, tmp_path):
    path = tmp_path / "posts.parquet"
    zone = timezone(timedelta(hours=1))
    columns = {
        "Created_At": [datetime(2024, 3, 5, 16, 4, 5, tzinfo=zone)] * 3,
        "text": ["down", None, "up"],
        "post_id": [5, 6, 7],
        "service": ["whatsapp", None, None],
        "other": [b"\xff", b"", b""],
    }
    pq.write_table(pa.table(columns), path)
    reading = read(path, batch_size=1)

    assert reading.posts.post_id.tolist() == ["5", "7"]
    assert reading.posts.created_at.tolist() == [AT, AT]
    assert reading.skipped == {"no text": 1}


def test_parquet_without_zone_is_refused(read, tmp_path):
    path = tmp_path / "posts.parquet"
    naive = datetime(2024, 3, 5, tzinfo=UTC).replace(tzinfo=None)
    pq.write_table(pa.table({"created_at": [naive], "text": ["down"]}), path)

    with pytest.raises(InputError, match="says its zone"):
        read(path)


def test_damaged_parquet(read, tmp_path):
    path = tmp_path / "posts.parquet"
    path.write_bytes(b"PAR1 and nothing else")

    with pytest.raises(InputError, match="Parquet"):
        read(path)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_our_own_table_reads_back(read, read_bytes, tmp_path, suffix):
    first = read_bytes(
        table(
            "2024-03-05T15:04:05.123456Z,whatsapp down,9,ann,en,true,7,de",
            '2024-03-05T15:04:06Z,"",10,,,false,,',
            header=f"{HEADER},post_id,author,lang,is_repost,reply_to,country",
        )
    ).posts
    path = tmp_path / f"out.{suffix}"
    labelled = first.assign(label="complaint", p_complaint=0.5)
    if suffix == "csv":
        labelled.to_csv(path, index=False)
    elif suffix == "parquet":
        labelled.to_parquet(path)
    else:
        labelled.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")
    again = read(path).posts

    pd.testing.assert_frame_equal(again[list(POST)], first[list(POST)])


def test_a_table_is_plain_whatever_its_other_columns(read_bytes):
    reading = read_bytes(
        table("5,42,down,1709651045,b,c", header="id,author_id,text,created_at,user,content")
    )

    assert reading.only["source"] == "file"
    assert reading.only["created_at"] == AT


def test_rows_of_any_table(tmp_path):
    path = tmp_path / "any.csv"
    path.write_text("Text;Label\na;b\n\nc\n")
    with open_file(str(path)) as opened:
        columns, rows = delimited_rows(opened)

        assert columns == ["Text", "Label"]
        assert list(rows) == [(2, ["a", "b"]), (4, "too few fields")]
