"""Reading lexicon files: the shipped ones, and a user's own on top.

A user's file holds the same tables under two headings; what it names is added to
the shipped entry, or, with ``replace = true``, stands instead of it::

    [services.my_isp]
    name = "My ISP"
    kind = "isp"
    aliases = ["my isp", "myisp"]

    [phrases.en]
    down = ["modem is dead"]

Every mistake raises :class:`~miner.errors.LexiconError` with file, entry and fix.
"""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from miner.errors import LexiconError, UnknownServiceError
from miner.lexicon.patterns import Pattern, PatternError, compile_pattern
from miner.post import SYMPTOMS
from miner.text import tokens

KINDS: Final = (
    "messaging",
    "social",
    "streaming",
    "isp",
    "bank",
    "games",
    "cloud",
    "office",
    "ai",
    "delivery",
    "power",
    "other",
)
#: Tables of a language's phrases beside ``words``. Posts of recovery are candidates too:
#: they tell the end of an outage.
TABLES: Final = (*SYMPTOMS, "recovery", "frames")
_ID = re.compile(r"[a-z0-9][a-z0-9_]*\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")


@dataclass(frozen=True)
class Service:
    """What may be out, and how people call it.

    ``aliases``, ``misspellings``, ``hashtags`` and ``handles`` are sure names.
    ``ambiguous`` names count only near a word of ``context`` or in a frame ("is X
    down"); an occurrence inside a phrase of ``deny`` never counts.
    """

    id: str
    name: str
    kind: str = "other"
    aliases: tuple[str, ...] = ()
    misspellings: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Phrase:
    """A pattern: its line in the file, symptom (None: of recovery), language, compiled form."""

    text: str
    symptom: str | None
    lang: str
    pattern: Pattern


@dataclass(frozen=True)
class Frame:
    """A pattern around the name of a service, strong enough for an ambiguous name."""

    text: str
    lang: str
    pattern: Pattern


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Services by id, phrases and frames of all languages, and their macros."""

    services: Mapping[str, Service]
    phrases: tuple[Phrase, ...]
    frames: tuple[Frame, ...]
    macros: Mapping[str, Mapping[str, tuple[str, ...]]]

    def find(self, name: str) -> str | None:
        """Id of the service with this id, name or alias, or None."""
        if name in self.services:
            return name
        return self._ids_by_name.get(" ".join(tokens(name)))

    def resolve(self, name: str) -> Service:
        """The service of an id, a name or an alias.

        Raises:
            UnknownServiceError: no service is called so; the message names near misses.
        """
        found = self.find(name)
        if found is not None:
            return self.services[found]
        suggestions = self._near(name)
        hint = f"Did you mean {' or '.join(suggestions)}? " if suggestions else ""
        raise UnknownServiceError(
            f"unknown service {name!r}. {hint}"
            "`miner services` lists all; --lexicon my.toml adds your own."
        )

    def _near(self, name: str) -> list[str]:
        """Ids of up to three services whose names look like the name or a word of it."""
        ids = self._ids_by_name
        words = tokens(name)
        near = difflib.get_close_matches(" ".join(words), list(ids), n=3, cutoff=0.75)
        for word in words:
            near += difflib.get_close_matches(word, list(ids), n=2, cutoff=0.8)
        return list(dict.fromkeys(ids[match] for match in near))[:3]

    @functools.cached_property
    def _ids_by_name(self) -> dict[str, str]:
        ids: dict[str, str] = {}
        for service in self.services.values():
            names = (service.id, service.name, *service.aliases, *service.misspellings)
            for name in (*names, *service.ambiguous):
                ids.setdefault(" ".join(tokens(name)), service.id)
        return ids

    def n_phrases(self) -> int:
        """Number of concrete phrases behind the patterns."""
        return sum(phrase.pattern.n_phrases() for phrase in self.phrases)


def load_lexicon(extra: str | Path | None = None) -> Lexicon:
    """The shipped lexicon, with a user's own file on top.

    Raises:
        LexiconError: a mistake in a file: its name, the entry, and the fix.
    """
    return _load(None if extra is None else str(extra))


@functools.lru_cache(maxsize=4)
def _load(extra: str | None) -> Lexicon:
    kinds = _kinds()
    services: dict[str, Service] = {}
    for file, table in _shipped("services"):
        services.update({key: _service(key, entry, file) for key, entry in table.items()})
    builder = _PhraseBuilder()
    for file, table in _shipped("phrases"):
        builder.add_language(table, file)
    if extra is not None:
        _add_own(Path(extra), services, builder)
    return Lexicon(
        services={key: _with_kind(service, kinds) for key, service in services.items()},
        phrases=tuple(builder.phrases),
        frames=tuple(builder.frames),
        macros=builder.words,
    )


def _kinds() -> dict[str, tuple[str, ...]]:
    raw = resources.files("miner.lexicon").joinpath("kinds.toml").read_bytes()
    table = _parse(raw, "kinds.toml")
    return {kind: _strings(words, f"kinds.toml: {kind}") for kind, words in table.items()}


def _with_kind(service: Service, kinds: Mapping[str, tuple[str, ...]]) -> Service:
    """The service with the context words of its kind, where a name needs context."""
    if not service.ambiguous:
        return service
    words = (*service.context, *kinds.get(service.kind, ()))
    return replace(service, context=tuple(dict.fromkeys(words)))


def _shipped(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    files = resources.files("miner.lexicon").joinpath(folder).iterdir()
    for file in sorted(files, key=lambda file: file.name):
        if file.name.endswith(".toml"):
            name = f"{folder}/{file.name}"
            yield name, _parse(file.read_bytes(), name)


def _parse(raw: bytes, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LexiconError(f"{file}: not valid TOML: {error}") from None


def _service(key: str, table: object, file: str, base: Service | None = None) -> Service:
    where = f"{file}: service {key!r}"
    if not _ID.match(key):
        raise LexiconError(f"{where}: an id has only a-z, 0-9 and _")
    if not isinstance(table, dict):
        raise LexiconError(f"{where}: expected a table such as [services.{key}]")
    table = dict(table)
    if table.pop("replace", False):
        base = None
    known = {entry.name for entry in fields(Service)} - {"id"}
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"
            )
            raise LexiconError(f"{where}: unknown key {name!r}{hint}")
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name in {"name", "kind", "note"}:
            values[name] = _string(value, f"{where}: {name}")
        else:
            values[name] = _strings(value, f"{where}: {name}")
    if values.get("kind", "other") not in KINDS:
        raise LexiconError(f"{where}: kind {values['kind']!r} is none of {', '.join(KINDS)}")
    if base is not None:
        return _merged(base, values)
    if "name" not in values:
        raise LexiconError(f'{where}: a name is missing; add name = "…"')
    service = Service(id=key, **values)
    if not (service.aliases or service.ambiguous):
        raise LexiconError(f'{where}: no way to recognise it; add aliases = ["…"]')
    return service


def _merged(base: Service, values: dict[str, Any]) -> Service:
    merged: dict[str, Any] = {
        name: tuple(dict.fromkeys((*getattr(base, name), *value)))
        if isinstance(value, tuple)
        else value
        for name, value in values.items()
    }
    return replace(base, **merged)


class _PhraseBuilder:
    """Collects phrases and frames over files; macros of a language are shared."""

    def __init__(self) -> None:
        self.phrases: list[Phrase] = []
        self.frames: list[Frame] = []
        self.words: dict[str, dict[str, tuple[str, ...]]] = {}

    def add_language(self, table: dict[str, Any], file: str) -> None:
        lang = _string(table.get("language"), f"{file}: language")
        self.add(lang, {key: table[key] for key in table if key != "language"}, file)

    def add(self, lang: str, table: dict[str, Any], file: str) -> None:
        if not _LANGUAGE.match(lang):
            raise LexiconError(f'{file}: language {lang!r}: use a code such as "en"')
        macros = self.words.setdefault(lang, {})
        own = table.get("words", {})
        if not isinstance(own, dict):
            raise LexiconError(f"{file}: [words] must be a table of lists")
        for name, value in own.items():
            macros[name] = _strings(value, f"{file}: words.{name}")
        for key, value in table.items():
            if key == "words":
                continue
            if key not in TABLES:
                raise LexiconError(
                    f"{file}: unknown table {key!r}; it is one of {', '.join(TABLES)}"
                )
            lines = value.get("phrases") if isinstance(value, dict) else value
            for line in _strings(lines, f"{file}: {key}: phrases"):
                self._line(lang, key, line, file)

    def _line(self, lang: str, key: str, line: str, file: str) -> None:
        where = f"{file}: {key}: {line!r}"
        try:
            pattern = compile_pattern(line, self.words[lang])
        except PatternError as error:
            raise LexiconError(f"{where}: {error}") from None
        has_name = any(
            element.is_name for parts in pattern.alternatives for part in parts for element in part
        )
        if key == "frames":
            if not has_name:
                raise LexiconError(f"{where}: a frame has {{}} where the service stands")
            self.frames.append(Frame(line, lang, pattern))
        elif has_name:
            raise LexiconError(f"{where}: {{}} stands only in frames; move it to [frames]")
        else:
            symptom = None if key == "recovery" else key
            self.phrases.append(Phrase(line, symptom, lang, pattern))


def _add_own(path: Path, services: dict[str, Service], builder: _PhraseBuilder) -> None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LexiconError(f"{path}: cannot be read: {error.strerror}") from None
    table = _parse(raw, str(path))
    for key in table:
        if key not in {"services", "phrases"}:
            raise LexiconError(
                f"{path}: unknown table [{key}]; use [services.ID] and [phrases.LANGUAGE]"
            )
    for name, entry in _tables(table, "services", path):
        services[name] = _service(name, entry, str(path), services.get(name))
    for lang, entry in _tables(table, "phrases", path):
        if not isinstance(entry, dict):
            raise LexiconError(f"{path}: phrases.{lang}: expected a table [phrases.{lang}]")
        builder.add(lang, entry, str(path))


def _tables(table: dict[str, Any], key: str, path: Path) -> Iterator[tuple[str, Any]]:
    inner = table.get(key, {})
    if not isinstance(inner, dict):
        raise LexiconError(f"{path}: [{key}] must hold tables such as [{key}.…]")
    yield from inner.items()


def _string(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise LexiconError(f"{where}: expected a text in quotes")
    return value


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LexiconError(f'{where}: expected a list of texts such as ["a", "b"]')
    for item in value:
        # Most entries begin with a letter; only the others need a closer look.
        if not item[:1].isalnum() and not tokens(item.replace("{}", "x")):
            raise LexiconError(f"{where}: {item!r} has no letters or digits")
    return tuple(dict.fromkeys(value))
