import pytest
from hypothesis import given
from hypothesis import strategies as st
from miner.text import fold, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WhatsApp is DOWN", "whatsapp is down"),
        ("ｗｈａｔｓａｐｐ", "whatsapp"),
        ("não está funcionando", "nao esta funcionando"),
        ("İstanbul ÇÖKTÜ", "istanbul coktu"),
        ("Störung größer", "storung grosser"),
        ("не работаёт", "не работает"),
        ("wh\u200bats\u00adapp", "whatsapp"),
        ("الإنترنت مقطوعة", "الانترنت مقطوعه"),
        ("がか", "がか"),
        ("𝗪𝗵𝗮𝘁𝘀𝗔𝗽𝗽", "whatsapp"),
    ],
)
def test_fold_removes_what_does_not_change_the_meaning(text, expected):
    assert fold(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("can't connect", ["cant", "connect"]),
        ("can’t connect", ["cant", "connect"]),
        ("n'arrive pas", ["n", "arrive", "pas"]),
        ("it's dooown", ["its", "down"]),
        ("please caaall", ["please", "call"]),
        ("down\nagain", ["down", "again"]),
        ("see https://t.co/down now", ["see", "now"]),
        ("LINE繋がる", ["line", "繋", "が", "る"]),
        ("नहीं चल रहा", ["नहीं", "चल", "रहा"]),
        ("#whatsappdown", ["whatsappdown"]),
        ("@WhatsApp hi", ["@whatsapp", "hi"]),
        ("wi-fi 📵 off!!", ["wi", "fi", "off"]),
    ],
)
def test_tokens_of_the_normal_form(text, expected):
    assert tokens(text, known={"down", "call"}) == expected


def test_hashtags_and_handles_are_cut_by_the_given_function():
    asked = []

    def split(piece, is_handle):
        asked.append((piece, is_handle))
        return [piece[:2], piece[2:]]

    assert tokens("#abcd @efgh", split=split) == ["ab", "cd", "@efgh", "ef", "gh"]
    assert asked == [("abcd", False), ("efgh", True)]


@given(st.text())
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_tokens_hold_no_blanks_and_are_never_empty(text):
    assert all(token and not any(c.isspace() for c in token) for token in tokens(text))
