"""The real streams: ``python benchmarks/detection/isp.py`` (skipped where they are absent).

Posts are labelled by the shipped classifier. For each listed failure: its complaints, when
it was detected, and how long before (-) or after (+) the company's own first reply, where
the list gives a time (local time, seven hours behind UTC).
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

import miner

EVAL = Path(__file__).resolve().parents[3] / "shared" / "eval"
DIALS = ("1/year", "1/month")
WIDTHS = ("1min", "5min")
_REPLY = re.compile(r"@\w+ (?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d)")
_LOCAL = "-07:00"


def stream(name: str, freq: str, service: str) -> pd.DataFrame:
    """Series of one of the streams."""
    posts = pd.read_csv(EVAL / name)
    posts["created_at"] = pd.to_datetime(posts["created_at"], utc=True)
    return miner.series(miner.label(posts).assign(service=service), freq=freq)


def events() -> pd.DataFrame:
    """The listed events as a truth list, with the company's first reply."""
    table = pd.read_csv(EVAL / "shaw_isp_events_dev.csv")
    onset = pd.to_datetime(table["start_utc"], utc=True)
    return pd.DataFrame(
        {
            "service": "isp",
            "onset": onset,
            "end": pd.to_datetime(table["end_utc"], utc=True),
            "is_outage": table["is_service_failure"] == 1,
            "reply": [
                reply(text, at)
                for text, at in zip(table["evidence_from_shaw_or_customers"], onset, strict=True)
            ],
        }
    )


def reply(text: str, onset: pd.Timestamp) -> pd.Timestamp:
    """Time of the first reply that a text of the list names; NaT if none."""
    found = _REPLY.search(str(text))
    if not found:
        return pd.NaT
    day = found[1] or onset.tz_convert(_LOCAL).strftime("%Y-%m-%d")
    return pd.Timestamp(f"{day}T{found[2]}{_LOCAL}").tz_convert("UTC")


def report(freq: str, dial: str) -> None:
    """Print what one width and dial finds."""
    series, known = stream("shaw_isp_2016-10_2017-02.csv.gz", freq, "isp"), events()
    outages, _ = miner.detect(series, false_alarms=dial)
    result = miner.score(outages, known, series=series, early="1h")
    print(
        f"{freq}, {dial}: {len(outages)} alarms in {result.service_months:.1f} months, "
        f"{result.detected} of {result.outages} listed failures, {result.false_alarms} unlisted, "
        f"{result.alarms_on_non_outages} on the listed non-outage"
    )
    for event in known[known["is_outage"]].itertuples():
        inside = series["bin_start"].between(event.onset, event.end)
        n = int(series.loc[inside, "complaints"].sum())
        early = event.onset - pd.Timedelta("1h")
        at = outages["detected_at"]
        hit = at[(at >= early) & (at <= event.end)]
        running = (at < early) & (outages["end"].fillna(at.max()) > early)
        line = f"  {event.onset:%Y-%m-%d %H:%M}: {n} complaints, "
        if running.any():
            line += "in an alarm that was raised before"
        elif hit.empty:
            line += "missed"
        else:
            first = hit.min()
            line += f"detected {first:%H:%M}, {(first - event.onset).total_seconds() / 60:+.0f} min"
            if not pd.isna(event.reply):
                late = (first - event.reply).total_seconds() / 60
                line += f", {late:+.0f} min from the company's first reply"
        print(line)


def main() -> None:
    """Print all widths and dials, and the quiet days of a bank."""
    if not EVAL.is_dir():
        print(f"the streams are not at {EVAL}")
        return
    for freq in WIDTHS:
        for dial in DIALS:
            report(freq, dial)
            bank = stream("citibanamex_2021-12.csv.gz", freq, "bank")
            n = len(miner.detect(bank, false_alarms=dial).outages)
            print(f"  ten quiet days of a bank: {n} alarms")


if __name__ == "__main__":
    main()
