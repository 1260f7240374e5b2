import pandas as pd
import pytest
from miner.errors import InputError, NaiveTimeError, SchemaError
from miner.sources.labelled import PART, Skipped, read_labelled, read_parts, times_of


def parts(path, required="text"):
    skipped = Skipped()
    return pd.concat(list(read_parts(str(path), required, skipped)), ignore_index=True), skipped


def test_cells_stay_as_they_are(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('text,a\n"x, y",007\n"two\nlines",NA\n,\n', "utf-8")
    table, _ = parts(path)

    assert table.to_numpy().tolist() == [["x, y", "007"], ["two\nlines", "NA"], ["", ""]]


def test_long_tables_come_in_parts(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text\n" + "x\n" * (PART + 5))

    assert [len(part) for part in read_parts(str(path), "text", Skipped())] == [PART, 5]


def test_json_lines_and_parquet(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text":"a","n":1}\nbroken\n[1]\n{"text":"b"}\n')
    table, skipped = parts(tmp_path / "in.jsonl")
    table.to_parquet(tmp_path / "in.parquet")

    assert table["text"].tolist() == ["a", "b"]
    assert skipped.reasons == {"not a JSON object": 2}
    assert "in.jsonl:2" in skipped.summary("in.jsonl")
    assert parts(tmp_path / "in.parquet")[0]["text"].tolist() == ["a", "b"]


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="empty"):
        parts(tmp_path / "empty.csv")
    with pytest.raises(InputError, match="folder"):
        parts(tmp_path)
    (tmp_path / "body.csv").write_text("body\nx\n")
    with pytest.raises(SchemaError, match="no column 'text'; its columns are: 'body'"):
        parts(tmp_path / "body.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-10-25T06:50:00Z", "2022-10-25T06:50:00Z"),
        ("2022-10-25 08:50:00+02:00", "2022-10-25T06:50:00Z"),
        ("2022-10-25T08:50:00.5+0200", "2022-10-25T06:50:00.5Z"),
        ("2022-10-25 06:50:00", None),
        ("2022-10-25", None),
        ("", None),
        ("soon", None),
    ],
)
def test_times_need_a_zone(text, expected):
    table = pd.DataFrame({"at": [text, "2022-10-25T06:50:00Z"]})
    (found, _) = times_of(table, "at", "in.csv")

    assert found == pd.Timestamp(expected) if expected else pd.isna(found)


def test_a_table_whose_times_all_lack_a_zone_is_refused():
    with pytest.raises(NaiveTimeError, match="add Z"):
        times_of(pd.DataFrame({"at": ["2022-10-25 06:50:00"]}), "at", "in.csv")


def test_rows_without_a_time_are_left_out_and_counted(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("created_at,label\n2022-10-25T06:50:00Z,other\n,other\n")
    skipped = Skipped()
    (table,) = read_labelled(str(path), skipped)

    assert len(table) == 1
    assert skipped.examples == [(3, "without a time that has a zone")]


def test_half_a_surrogate_pair_does_no_harm(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text":"a \\ud83d b"}\n')

    assert parts(tmp_path / "in.jsonl")[0]["text"].tolist() == ["a \ufffd b"]
