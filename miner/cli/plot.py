"""``miner plot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from miner.cli.shared import quiet_option

if TYPE_CHECKING:
    import pandas as pd

_TIMES = ["onset", "onset_low", "onset_high", "detected_at", "end", "end_low", "end_high"]


@click.command(
    epilog="""\b
Examples:
  miner plot series.csv -o series.png
  miner plot series.csv --outages outages.csv --service whatsapp -o whatsapp.svg
  miner plot series.csv --symptoms symptoms.csv --from 2022-10-25T06Z -o morning.png
"""
)
@click.argument("series", metavar="SERIES")
@click.option("--outages", metavar="FILE", help="Mark these outages: what `miner detect` writes.")
@click.option(
    "--symptoms",
    metavar="FILE",
    help="A series by symptom (`miner mine --by symptom`), stacked under the first.",
)
@click.option("--service", metavar="NAME", help="Only this one; all in small panels without it.")
@click.option("--from", "start", metavar="T", help="First bin, such as 2022-10-25T06Z.")
@click.option("--to", "end", metavar="T", help="End of the last bin, exclusive.")
@click.option("--title", default="", help="Text above the figure.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="The picture; .png, .svg or .pdf by its name.",
)
@quiet_option
def command(
    series: str,
    outages: str | None,
    symptoms: str | None,
    service: str | None,
    start: str | None,
    end: str | None,
    title: str,
    output: str,
    quiet: bool,
) -> None:
    """Draw a series: complaints, what was expected, gaps and outages.

    SERIES is what `miner mine`, `miner detect --scored` or `miner count` write. One
    service is drawn large, several in small panels of their own scales. Needs matplotlib:
    pip install "miner[plot]".
    """
    from miner.cli.series import read_series, read_table
    from miner.exporter import check_writable
    from miner.plotter import plot, plot_services, save_figure

    check_writable(output)
    table = _between(read_series(series), start, end)
    marks = None
    if outages is not None:
        marks = _numbers(read_table(outages, ["onset", "detected_at"], _TIMES, "the outages"))
    split = None if symptoms is None else _between(read_series(symptoms), start, end)
    names = table["service"].nunique() if "service" in table else 1
    if service is None and names > 1:
        figure, _ = plot_services(table, title, outages=marks)
    else:
        figure, _ = plot(table, service, title, outages=marks, symptoms=split)
    save_figure(figure, output)
    if not quiet:
        click.echo(f"figure: {output}", err=True)


def _numbers(outages: pd.DataFrame) -> pd.DataFrame:
    """Outages with numbers as numbers; what is none is left out of the words."""
    import pandas as pd

    names = [name for name in ("complaints", "severity") if name in outages]
    return outages.assign(**{n: pd.to_numeric(outages[n], errors="coerce") for n in names})


def _between(series: pd.DataFrame, start: str | None, end: str | None) -> pd.DataFrame:
    """Bins from ``start`` to before ``end``."""
    import pandas as pd

    from miner.counter import instant
    from miner.errors import UsageError

    if start is not None:
        first = pd.Timestamp(instant(start, "--from"), unit="us", tz="UTC")
        series = series[series["bin_start"] >= first]
    if end is not None:
        last = pd.Timestamp(instant(end, "--to"), unit="us", tz="UTC")
        series = series[series["bin_start"] < last]
    if series.empty:
        raise UsageError("no bin of the series lies between --from and --to; widen them")
    return series
