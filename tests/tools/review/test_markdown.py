import pytest

from cracks.tools.review.markdown import code, plain


@pytest.mark.parametrize(
    ("text", "span", "cell"),
    [
        ("a.jpg", "`a.jpg`", "`a.jpg`"),
        ("a|b", "`a|b`", r"`a\|b`"),
        ("a`b", "`` a`b ``", "`` a`b ``"),
        ("``", "``` `` ```", "``` `` ```"),
        ("two\nlines", "`two lines`", "`two lines`"),
        ("a\rb\x85c\u2028d", "`a b c d`", "`a b c d`"),
        ("\x1b[31m\u202e", "`\ufffd[31m\ufffd`", "`\ufffd[31m\ufffd`"),
        (2, "`2`", "`2`"),
        (None, "`None`", "`None`"),
    ],
)
def test_code_spans_hold_anything(text: object, span: str, cell: str) -> None:
    assert code(text) == span
    assert code(text, cell=True) == cell


def test_plain_text_has_no_markup() -> None:
    assert plain("a_b*c|<d>") == r"a\_b\*c\|\<d\>"
    assert plain("a\r\r## b &amp; c") == r"a  \#\# b \&amp; c"
    assert plain("main (1234567)") == "main (1234567)"
