"""``miner forget``."""

from __future__ import annotations

import click

from miner.cli.shared import db_option, quiet_option


@click.command(
    epilog="""\b
Examples:
  miner forget --db outages.db --post bluesky at://did:plc:abc/app.bsky.feed.post/3k2
  miner forget --db outages.db --author h_0123456789abcdef
  miner forget --db outages.db --older-than 90d
"""
)
@db_option
@click.option("--post", nargs=2, metavar="SOURCE ID", help="One post; it does not come back.")
@click.option("--author", metavar="HASH", help="All posts of an author, as exports name them.")
@click.option("--older-than", metavar="TIME", help="All posts older than 90d, to the full hour.")
@quiet_option
def command(
    db: str,
    post: tuple[str, str] | None,
    author: str | None,
    older_than: str | None,
    quiet: bool,
) -> None:
    """Remove posts from a database and correct its series.

    Text, labels and the platform's JSON are overwritten in the file. Only a hash of the
    post's id stays, so that it is not collected again. What is forgotten by age counts as
    not watched: the series is empty there, not 0.
    """
    from pathlib import Path

    from miner import durations
    from miner.collector import only_job
    from miner.errors import StoreError, UsageError
    from miner.sources.protocol import SystemClock
    from miner.store import Writer
    from miner.store.forgetting import forget_author, forget_before, forget_post

    if sum(chosen is not None for chosen in (post, author, older_than)) != 1:
        raise UsageError("say what to forget: one of --post, --author and --older-than")
    age = None if older_than is None else durations.seconds(older_than, "--older-than")
    if not Path(db).is_file():
        raise StoreError(f"{db}: no such database")
    now = SystemClock().now()
    with only_job(db), Writer.open(db) as writer:
        if post is not None:
            n_posts = forget_post(writer, *post, now)
        elif author is not None:
            n_posts = forget_author(writer, author, now)
        else:
            assert age is not None
            n_posts = forget_before(writer, now - round(age * durations.SECOND))
    if not quiet:
        click.echo(f"forgot {n_posts:,} posts", err=True)
