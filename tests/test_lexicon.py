import pytest
from miner.errors import LexiconError, UnknownServiceError
from miner.lexicon import load_lexicon
from miner.lexicon.loader import KINDS
from miner.lexicon.patterns import PatternError, compile_pattern, spellings
from miner.post import SYMPTOMS
from miner.text import tokens

LANGUAGES = {"en", "es", "pt", "id", "de", "fr", "it", "nl", "tr", "ar", "hi", "ja", "ru", "pl"}


@pytest.fixture(scope="module")
def lexicon():
    return load_lexicon()


def test_it_covers_the_services_kinds_languages_and_symptoms_it_promises(lexicon):
    assert len(lexicon.services) >= 250
    assert {service.kind for service in lexicon.services.values()} == set(KINDS) - {"other"}
    assert set(lexicon.macros) == LANGUAGES
    for lang in LANGUAGES:
        found = {phrase.symptom for phrase in lexicon.phrases if phrase.lang == lang}
        assert found == {*SYMPTOMS, None}, lang
        assert any(frame.lang == lang for frame in lexicon.frames)
    assert lexicon.n_phrases() > 5_000


def test_no_sure_name_belongs_to_two_services(lexicon):
    owner = {}
    for service in lexicon.services.values():
        for name in (*service.aliases, *service.misspellings, *service.hashtags):
            key = "".join(tokens(name))
            assert owner.setdefault(key, service.id) == service.id, name


@pytest.mark.parametrize(
    "word",
    [
        *("x", "signal", "teams", "zoom", "discord", "steam", "slack", "meet", "line", "chase"),
        *("o2", "orange", "three", "sky", "bell", "free", "play", "plus", "vivo", "claro", "oi"),
        *("tim", "uber", "personal", "grab", "bolt", "dana", "threads", "notion", "claude"),
    ],
)
def test_ordinary_words_are_never_sure_names(lexicon, word):
    for service in lexicon.services.values():
        assert [word] not in [tokens(name) for name in (*service.aliases, *service.misspellings)]


def test_every_ambiguous_name_has_context_and_a_note(lexicon):
    for service in lexicon.services.values():
        if service.ambiguous:
            assert service.context, service.id
            assert service.note, service.id


def test_a_service_is_found_by_id_name_and_alias(lexicon):
    assert lexicon.resolve("whatsapp").id == "whatsapp"
    assert lexicon.resolve("WhatsApp").id == "whatsapp"
    assert lexicon.resolve("twitter").id == "x"


def test_an_unknown_service_suggests_near_misses(lexicon):
    with pytest.raises(UnknownServiceError, match="Did you mean whatsapp"):
        lexicon.resolve("whatsaapp mesenger app")


@pytest.mark.parametrize(
    ("line", "text", "matches"),
    [
        ("not working", "it is not working", True),
        ("not working", "not really working", False),
        ("can't ... send", "cant get it to send", True),
        ("can't ... send", "cant one two three four five six seven eight send", False),
        ("work*", "it works", True),
        ("down|dead", "it is dead", True),
        ("<no> signal", "no signal here", True),
        ("<no> signal", "without any signal", True),
        ("messages & failed", "failed again to deliver my messages", True),
        ("messages & failed", "messages a b c d e f g h i j failed", False),
        ("繋がらない", "LINE繋がらないんだけど", True),
    ],
)
def test_the_grammar_of_phrases(line, text, matches, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        "[services.thing]\nname='Thing'\naliases=['thing','line']\n"
        f"[phrases.xx]\nwords = {{no = ['no', 'without any']}}\ndown = [{line!r}]\n",
        "utf-8",
    )
    from miner.lexicon.loader import Lexicon
    from miner.matcher.phrases import PhraseFinder

    whole = load_lexicon(own)
    only = Lexicon({}, tuple(p for p in whole.phrases if p.lang == "xx"), (), whole.macros)

    assert bool(PhraseFinder(only).find(tokens(text))) is matches


@pytest.mark.parametrize(
    "line", ["", "...", "a ...", "a & b & c", "<unknown> a", "a|", "!!!", "& b", "... a"]
)
def test_a_line_outside_the_grammar_is_refused(line):
    with pytest.raises(PatternError):
        compile_pattern(line, {})


def test_spellings_keep_the_words_as_they_are_written():
    found = spellings("<not> ... send|deliver", {"not": ("can't", "won't")})

    assert set(found) == {(n, v) for n in ("can't", "won't") for v in ("send", "deliver")}


def test_a_user_adds_a_service_and_phrases(tmp_path):
    own = tmp_path / "my.toml"
    own.write_text(
        "[services.my_isp]\nname = 'My ISP'\nkind = 'isp'\naliases = ['my isp']\n"
        "[services.whatsapp]\naliases = ['greenie']\n"
        "[phrases.en]\ndown = ['modem is dead']\n"
    )
    lexicon = load_lexicon(own)

    assert lexicon.resolve("my isp").id == "my_isp"
    assert {"greenie", "whatsapp"} <= set(lexicon.services["whatsapp"].aliases)
    assert any(phrase.text == "modem is dead" for phrase in lexicon.phrases)


def test_a_user_replaces_a_service(tmp_path):
    own = tmp_path / "my.toml"
    own.write_text(
        "[services.whatsapp]\nreplace = true\nname = 'WhatsApp'\naliases = ['only this']\n"
    )

    assert load_lexicon(own).services["whatsapp"].aliases == ("only this",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[services.a", "not valid TOML"),
        ("[other]\n", "use \\[services.ID\\]"),
        ("[services.a]\n", "'a'.*name is missing"),
        ("[services.a]\nname='A'\n", "no way to recognise it"),
        ("[services.a]\nname='A'\nalias=['a']\n", "did you mean 'aliases'"),
        ("[services.a]\nname='A'\naliases='a'\n", "expected a list"),
        ("[services.a]\nname='A'\naliases=['!!']\n", "no letters or digits"),
        ("[services.a]\nname='A'\nkind='b'\naliases=['a']\n", "kind 'b' is none of"),
        ("[services.'A B']\nname='A'\naliases=['a']\n", "an id has only"),
        ("[phrases.en]\nboom=['x']\n", "unknown table 'boom'"),
        ("[phrases.en]\ndown=['<nope> x']\n", "<nope> is not in \\[words\\]"),
        ("[phrases.english]\ndown=['x']\n", 'use a code such as "en"'),
        ("[phrases.en]\nframes=['x']\n", "a frame has {}"),
        ("[phrases.en]\ndown=['{} x']\n", "stands only in frames"),
    ],
)
def test_a_mistake_names_file_entry_and_fix(tmp_path, text, says):
    own = tmp_path / "my.toml"
    own.write_text(text)

    with pytest.raises(LexiconError, match=says) as error:
        load_lexicon(own)
    assert "my.toml" in str(error.value)


def test_a_missing_file_is_named():
    with pytest.raises(LexiconError, match=r"nowhere\.toml: cannot be read"):
        load_lexicon("nowhere.toml")
