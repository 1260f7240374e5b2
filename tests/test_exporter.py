import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from miner.errors import OutputError
from miner.exporter import check_writable, write, write_parts
from miner.sources.labelled import Skipped, read_parts

PRINTABLE = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\r\n\t")


def table(**columns):
    return pd.DataFrame(columns)


def test_times_are_iso_8601_utc(tmp_path):
    texts = ["2022-10-25T08:50:00+02:00", "2022-10-25T06:50:00.25Z", None]
    times = pd.to_datetime(texts, utc=True, format="ISO8601")
    write(table(at=times, n=[1, 2, 3]), tmp_path / "out.csv")

    assert (tmp_path / "out.csv").read_text() == (
        "at,n\n2022-10-25T06:50:00Z,1\n2022-10-25T06:50:00.250000Z,2\n,3\n"
    )


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path):
    (tmp_path / "out.csv").write_text("old")

    def parts():
        yield table(a=[1])
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        write_parts(parts(), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_parquet_keeps_types_and_joins_parts(tmp_path):
    times = pd.to_datetime(["2022-10-25T06:50:00Z"])
    parts = [table(at=times, s=["a"]), table(at=times, s=pd.Series([None], dtype="str"))]
    write_parts(parts, tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")

    assert len(back) == 2
    assert isinstance(back["at"].dtype, pd.DatetimeTZDtype)


def test_json_lines(tmp_path):
    write(table(a=[1], b=["é"]), tmp_path / "out.jsonl")

    assert (tmp_path / "out.jsonl").read_text("utf-8") == '{"a":1,"b":"é"}\n'


@given(text=st.text(PRINTABLE))
def test_a_pipeline_file_keeps_text_exactly(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("exact") / "out.csv"
    write(table(text=[text], n=[1]), path)
    (back,) = read_parts(str(path), "text", Skipped())

    assert back["text"].tolist() == [text]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "|x", "%x"])
def test_a_spreadsheet_file_cannot_run_a_formula(tmp_path, text):
    write(table(text=[text]), tmp_path / "out.csv", spreadsheet=True)

    assert (tmp_path / "out.csv").read_bytes().splitlines()[1].lstrip(b'"').startswith(b"'")


def test_outputs_that_cannot_be_written_are_refused_early(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        check_writable(tmp_path / "no" / "out.csv")
    with pytest.raises(OutputError, match="is a folder"):
        check_writable(tmp_path)
    check_writable("-")
    check_writable(None)
