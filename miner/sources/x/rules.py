"""The rules of the filtered stream: ours are brought up to date, others are left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import requests
import tweepy

from miner.errors import RefusedError, UnavailableError
from miner.sources.x.client import Client

#: Our rules carry this before the service in their tag.
_TAG: Final = "miner "
#: Rules a request.
_AT_ONCE: Final = 25


@dataclass(frozen=True)
class Rule:
    """A rule: a query, and the service it is for."""

    service: str
    query: str

    @property
    def tag(self) -> str:
        """What X keeps with the rule."""
        return f"{_TAG}{self.service}"


def set_rules(stream: tweepy.StreamingClient, client: Client, wanted: Sequence[Rule]) -> None:
    """Delete our rules that are no longer wanted, and add those that are missing.

    Raises:
        UnavailableError: X gives nothing for now.
        RefusedError: X does not take a rule, or has no room for it.
    """
    there = _rules(stream, client)
    keep = {(rule.tag, rule.query) for rule in wanted}
    ours = {(tag, value): rule_id for rule_id, value, tag in there if tag.startswith(_TAG)}
    old = [rule_id for pair, rule_id in ours.items() if pair not in keep]
    for first in range(0, len(old), _AT_ONCE):
        with client.explained():
            stream.delete_rules(old[first : first + _AT_ONCE])
    known = {value for _, value, tag in there if (tag, value) in keep or not tag.startswith(_TAG)}
    new = [rule for rule in wanted if rule.query not in known]
    for first in range(0, len(new), _AT_ONCE):
        part = [tweepy.StreamRule(rule.query, rule.tag) for rule in new[first : first + _AT_ONCE]]
        with client.explained():
            response: requests.Response = stream.add_rules(part)
        _check(_json(response))


def _rules(stream: tweepy.StreamingClient, client: Client) -> list[tuple[str, str, str]]:
    """Id, query and tag of every rule."""
    with client.explained():
        response: requests.Response = stream.get_rules()
    data = _json(response).get("data")
    return [
        (str(rule.get("id")), str(rule.get("value")), str(rule.get("tag") or ""))
        for rule in (data if isinstance(data, list) else [])
        if isinstance(rule, dict)
    ]


def _check(reply: Mapping[str, Any]) -> None:
    errors = [one for one in reply.get("errors") or [] if isinstance(one, dict)]
    bad = [one for one in errors if "duplicate" not in str(one.get("title", "")).lower()]
    if bad:
        why = f"{bad[0].get('title', '')}: {bad[0].get('detail', '')}".strip(": ")[:300]
        raise RefusedError(
            f"x: a rule of the stream was refused ({why}); fewer services, x.queries=1, or "
            "x.via=search do without"
        )


def _json(response: requests.Response) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UnavailableError("x: the answer about rules is no JSON object")
    return value
