"""``miner services``."""

from __future__ import annotations

import click

from miner.cli.shared import json_option, print_json, print_table


@click.command(
    epilog="""\b
Examples:
  miner services
  miner services whatsapp
  miner services --kind bank --json
  miner services whatsapp --queries x --lang en --lang es
"""
)
@click.argument("name", required=False)
@click.option("--kind", help="Only this kind: messaging, social, streaming, isp, bank, …")
@click.option(
    "--queries",
    "platform",
    metavar="PLATFORM",
    help="Queries of the service for x, x_full_archive, reddit, bluesky or mastodon.",
)
@click.option("--lang", "langs", multiple=True, default=("en",), help="Languages of the queries.")
@click.option("--mention", is_flag=True, help="Queries for the names alone, without phrases.")
@click.option("--lexicon", metavar="FILE", help="Your own services and phrases (TOML).")
@json_option
def command(
    name: str | None,
    kind: str | None,
    platform: str | None,
    langs: tuple[str, ...],
    mention: bool,
    lexicon: str | None,
    as_json: bool,
) -> None:
    """List the services of the lexicon, show one, or print its queries."""
    from dataclasses import asdict

    from miner.errors import UsageError
    from miner.lexicon import load_lexicon
    from miner.lexicon.loader import KINDS
    from miner.matcher import queries

    known = load_lexicon(lexicon)
    if platform is not None:
        if name is None:
            raise UsageError("--queries needs a service: miner services whatsapp --queries x")
        texts = queries(name, platform, langs=langs, mention=mention, lexicon=known)
        if as_json:
            print_json(texts)
        else:
            click.echo("\n".join(texts))
        return
    if kind is not None and kind not in KINDS:
        raise UsageError(f"unknown kind {kind!r}; use one of {', '.join(KINDS)}")
    services = [known.resolve(name)] if name else list(known.services.values())
    services = [service for service in services if kind in (None, service.kind)]
    if as_json:
        print_json([asdict(service) for service in services])
    elif name:
        rows = [[key, _words(value)] for key, value in asdict(services[0]).items() if value]
        print_table(["", services[0].name], rows)
    else:
        rows = [
            [s.id, s.name, s.kind, _words((*s.aliases, *s.ambiguous)[:6])]
            for s in sorted(services, key=lambda s: (s.kind, s.id))
        ]
        print_table(["id", "name", "kind", "called"], rows)
        click.echo(
            f"{len(services)} services, {known.n_phrases():,} phrases "
            f"in {len(known.macros)} languages",
            err=True,
        )


def _words(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple | list) else str(value)
