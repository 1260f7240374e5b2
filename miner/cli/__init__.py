"""The command line: parsing, display of errors, exit codes; one file a command."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final, NoReturn

import click

from miner import __version__
from miner.cli.logs import say, show_bug, start_anew
from miner.errors import MinerError

#: Commands by name, in the order of the help; each module has a click command ``command``.
COMMANDS: Final = {
    "mine": "archives in, an outage time series out",
    "collect": "collect posts from live sources into a database",
    "init": "write a commented configuration for run and watch",
    "run": "do one whole pass of a configured job: collect, count, export",
    "watch": "follow the sources of a configured job, and export meanwhile",
    "status": "show how a collection stands: lag, coverage, gaps, spend",
    "label": "label every row of a table",
    "annotate": "label your own posts in the terminal, the most informative first",
    "count": "count a labelled table into a time series",
    "detect": "find the outages of a series",
    "score": "hold outages against a truth list",
    "plot": "draw a series, what was expected, gaps and outages",
    "export": "write a table, a series or posts as CSV, Parquet or JSON lines",
    "relabel": "label the posts of a database again after a new model",
    "forget": "remove posts from a database and correct its series",
    "doctor": "check a database and this installation",
    "services": "list the services of the lexicon, or the queries of one",
    "evaluate": "compare the labels of the model with true ones",
    "explain": "show why a text gets its label",
    "train": "train a model with your own labels",
}

EXIT_CODES: Final = """\b
Exit codes:
  0  done
  2  wrong usage: an option, a frequency, a time, an unknown service
  3  input, lexicon or model file that cannot be read
  4  output that cannot be written
  5  a source gave nothing or failed; what came before is stored, other sources went on
  6  a database that is damaged, full, foreign or made by a newer version
  7  another job is writing to the same database
  8  status: the collection is behind
  130  interrupted
"""


class _LazyGroup(click.Group):
    """Imports a command when it is called, so that ``--help`` does not load pandas."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"miner.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="miner")
def cli() -> None:
    r"""Mine outages out of social media posts.

    \b
    Examples:
      miner mine data/demo --service whatsapp --freq 5min -o whatsapp.csv
      miner label posts.csv -o labelled.csv
      miner COMMAND --help
    """


def main() -> NoReturn:
    """Run the command line and leave with one of the documented exit codes."""
    # Text of posts is in every script; a terminal that is not UTF-8 shows "?" instead.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.excepthook = show_bug
    start_anew()
    try:
        # Without standalone mode click gives the code of a command that left early.
        code = cli(prog_name="miner", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        sys.exit(130)
    except MinerError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of the pipe has gone (`miner … -o - | head`): nothing to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
