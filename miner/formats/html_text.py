"""HTML of a post to plain text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_TAG = re.compile(r"<[^<>]*>")
_MANY_NEWLINES = re.compile(r"\n{3,}")

#: Longer than any real post; html.parser can take quadratic time on hostile input.
_LONGEST = 100_000


def html_to_text(markup: str) -> str:
    """The text of some HTML, with newlines for ``<br>`` and ends of blocks.

    Spans are joined without blanks and invisible ones are kept, because Mastodon
    cuts URLs and hashtags into such pieces.
    """
    if "<" not in markup:
        return html.unescape(markup).strip()
    if len(markup) > _LONGEST:
        return html.unescape(_TAG.sub("", markup)).strip()
    parser = _Text()
    try:
        parser.feed(markup)
        parser.close()
    except AssertionError:  # how html.parser refuses a malformed declaration
        return html.unescape(_TAG.sub("", markup)).strip()
    return _MANY_NEWLINES.sub("\n\n", "".join(parser.pieces)).strip()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "br":
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self.pieces.append("\n\n")
        elif tag in {"li", "blockquote", "pre", "div"}:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)
