"""Bad params.yaml files: each ends in one sentence, quickly and without a traceback.

To add a case, add a line to `CASES`: what the file contains, and words that the sentence must have.
"""

import os
import re
import sys
from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.project.yaml_file import MAX_CHARACTERS

GOOD = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")


def with_value(key: str, value: str) -> str:
    """The project's params.yaml with another value (any YAML) for a key or `section.key`."""
    section, _, name = key.rpartition(".")
    start = GOOD.index(f"\n{section}:") if section else 0
    indent = "  " if section else ""
    entry = re.compile(rf"^{indent}{name}:.*\n(?:{indent}[ -].*\n)*", re.MULTILINE)
    found = entry.search(GOOD, start)
    assert found, key
    return f"{GOOD[: found.start()]}{indent}{name}: {value}\n{GOOD[found.end() :]}"


def replaced(old: str, new: str) -> str:
    """The project's params.yaml with other words for those that occur once."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def doubling(pattern: str) -> str:
    """Nine levels, each of which names the level below nine times."""
    levels = [f"l{n}: &l{n} " + pattern.format(",".join([f"*l{n - 1}"] * 9)) for n in range(1, 10)]
    return "\n".join(["l0: &l0 {x: 1}", *levels, GOOD])


HUGE = "9" * 400
INTEGER = "expected a valid integer, found"
NUMBER = "expected a valid number, found"
STRING = "expected a valid string, found"
SECTION = "expected a section with keys of its own, found"
THRESHOLD = "'threshold': expected auto or a number from 0 to 1 with at most 4 decimals, found"
PATTERN = "'photos.group': expected parent or a regular expression:"
CONFLICT = "a merge conflict is unresolved; take one side"
CONTROL = "expected text without line breaks and control characters, found"
UNREADABLE = "a value cannot be read"

CASES: list[tuple[str | bytes, str]] = [
    # not a file of keys and values
    ("", "expected keys and values, found nothing"),
    (" \n\n", "expected keys and values, found nothing"),
    ("# epochs: 3\n", "expected keys and values, found nothing"),
    ("---\n", "expected keys and values, found nothing"),
    ("null", "expected keys and values, found nothing"),
    ("- epochs: 3\n", "expected keys and values, found [{'epochs': 3}]"),
    ("[]", "expected keys and values, found []"),
    ("epochs", "expected keys and values, found 'epochs'"),
    ("epochs=3\n", "expected keys and values, found 'epochs=3'"),
    ("3", "expected keys and values, found 3"),
    ("2020-01-01", "expected keys and values, found datetime.date(2020, 1, 1)"),
    ("!!set {epochs}", "expected keys and values, found {'epochs'}"),
    ("0x" + "f" * 5000, "found a number with thousands of digits"),
    ("{}", "key 'dataset' is missing; add it with a value"),
    ("epochs: 3\n", "key 'dataset' is missing"),
    (GOOD + "---\nepochs: 3\n", "expected a single document in the stream"),
    (GOOD + "---\n", "expected a single document in the stream"),
    # not text
    (b"\x00", "unacceptable character #x0000"),
    (GOOD.encode().replace(b"sample", b"sam\x00ple"), "unacceptable character #x0000"),
    (GOOD.replace("sample", "sam\x07ple"), "unacceptable character #x0007"),
    (GOOD.replace("sample", "sam\x1b[31mple"), "unacceptable character #x001b"),
    (GOOD.replace("sample", "sam\x7fple"), "unacceptable character #x007f"),
    (GOOD.replace("sample", "sam\ufffeple"), "unacceptable character #xfffe"),
    (b"\x89PNG\r\n\x1a\n" + bytes(100), "expected text in UTF-8"),
    (b"PK\x03\x04" + bytes(range(256)), "expected text in UTF-8"),
    (GOOD.encode().replace(b"sample", b"sampl\xe9"), "expected text in UTF-8"),
    (GOOD.encode("utf-16"), "expected text in UTF-8"),
    (GOOD.encode("utf-16-le"), "unacceptable character #x0000"),
    (GOOD.encode() + b"\xc3", "expected text in UTF-8"),
    (GOOD.encode() + b"#\xed\xa0\x80", "expected text in UTF-8"),
    (
        "epochs: 3\n\ufeffseed: 1\n",
        "line 2: while parsing a block mapping, did not find expected key",
    ),
    # left by Git
    (f"<<<<<<< HEAD\n{GOOD}=======\n{GOOD}>>>>>>> main\n", f"line 1: {CONFLICT}"),
    (GOOD + "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> main\n", CONFLICT),
    (GOOD + "<<<<<<< HEAD\n||||||| base\n=======\n>>>>>>> main\n", CONFLICT),
    (GOOD + ">>>>>>> main\n", CONFLICT),
    (GOOD.replace("\n", "\r\n") + "<<<<<<< HEAD\r\n", CONFLICT),
    # not YAML
    ("epochs: [1", "did not find expected ',' or ']'"),
    ("epochs: {a: 1", "did not find expected ',' or '}'"),
    ("epochs: ]", "did not find expected node content"),
    ("epochs: 'two", "while scanning a quoted scalar, found unexpected end of stream"),
    ('epochs: "two', "while scanning a quoted scalar, found unexpected end of stream"),
    (r'epochs: "\q"', "found unknown escape character"),
    ("epochs: %", "found character that cannot start any token"),
    ("epochs: @home", "found character that cannot start any token"),
    ("epochs: `2`", "found character that cannot start any token"),
    ("epochs: 2: 3", "line 1: mapping values are not allowed in this context"),
    ("epochs: - 2", "block sequence entries are not allowed in this context"),
    ("epochs: > 2", "did not find expected comment or line break"),
    ("epochs 3\nseed: 1\n", "line 2: mapping values are not allowed in this context"),
    ("epochs: 3\nseed\n", "could not find expected ':'"),
    ("epochs: 3\n  seed: 1\n", "line 2: mapping values are not allowed in this context"),
    (
        "split:\n  seed: 1\n valid: 0.2\n",
        "line 3: while parsing a block mapping, did not find expected key",
    ),
    ("\tepochs: 3\n", "line 1: while scanning for the next token, found character that cannot"),
    (
        "split:\n\tseed: 3\n",
        "line 2: while scanning for the next token, found character that cannot",
    ),
    ("e" * 2000 + ": 1", "mapping values are not allowed in this context"),
    ("%YAML 3.0\n---\nepochs: 3\n", "found incompatible YAML document"),
    ("%YAML x\n---\nepochs: 3\n", "while scanning a %YAML directive"),
    ("? {a: b}\n: 1\n", "found unhashable key"),
    # duplicate keys, of which another reader might take either
    (GOOD + "epochs: 3\n", 'found duplicate key "epochs" with value "3"'),
    (GOOD + "'epochs': 3\n", 'found duplicate key "epochs" with value "3"'),
    (replaced("  views: 0", "  views: 0\n  views: 1"), 'duplicate key "views"'),
    (with_value("photos", "{limit: 3, seed: 0, limit: 4}"), 'duplicate key "limit"'),
    (with_value("weights", "{1: a, 0x1: b}"), 'duplicate key "1"'),
    ("<<: {a: 1}\n<<: {b: 2}\n", 'duplicate merge key "<<"'),
    # too large, too deep, or multiplied by aliases
    ("#" * (MAX_CHARACTERS + 1), "expected at most 32,768 characters, found more"),
    (GOOD + "#\n" * MAX_CHARACTERS, "expected at most 32,768 characters, found more"),
    (GOOD + "x" * 2_000_000, "expected at most 32,768 characters, found more"),
    ("epochs: " + "[" * 9000, "expected at most 20 levels of nesting"),
    ("epochs: " + "[" * 9000 + "]" * 9000, "expected at most 20 levels of nesting"),
    ("epochs: " + "{a: " * 4000 + "}" * 4000, "expected at most 20 levels of nesting"),
    ("- " * 16000, "expected at most 20 levels of nesting"),
    ("? " * 16000, "expected at most 20 levels of nesting"),
    ("\n".join(" " * n + "a:" for n in range(200)), "expected at most 20 levels of nesting"),
    (doubling("[{}]"), "expected at most 20 aliases (*name), found more"),
    (doubling("{{a: [{}]}}"), "expected at most 20 aliases (*name), found more"),
    (doubling("{{<<: [{}]}}"), "expected at most 20 aliases (*name), found more"),
    ("a: &a 1\nb: [" + "*a," * 500 + "]", "expected at most 20 aliases (*name), found more"),
    # aliases and merge keys that lead nowhere
    (with_value("epochs", "*other"), "found undefined alias"),
    (with_value("split", "{<<: *other}"), "found undefined alias"),
    (with_value("split", "&split [*split]"), "expected values, found *split within itself"),
    (with_value("split", "&split {seed: *split}"), "found *split within itself"),
    (with_value("weights", "&w {vgg16: *w}"), "found *w within itself"),
    (with_value("split", "{<<: 3}"), "expected a mapping or list of mappings for merging"),
    (with_value("split", "{<<: [3]}"), "expected a mapping for merging, but found scalar"),
    (with_value("epochs", "<<"), "could not determine a constructor for the tag"),
    # tags are never evaluated
    (
        with_value("epochs", "!!python/object/apply:os.system [exit]"),
        "python/object/apply:os.system",
    ),
    (with_value("epochs", "!!python/object:os.system x"), "python/object:os.system"),
    (with_value("epochs", "!!python/name:os.system"), "python/name:os.system"),
    (with_value("epochs", "!!python/module:os"), "could not determine a constructor for the tag"),
    (with_value("epochs", "!epochs 3"), "could not determine a constructor for the tag '!epochs'"),
    (with_value("epochs", "!" * 9000), "could not determine a constructor for the tag"),
    (with_value("epochs", "="), "could not determine a constructor for the tag"),
    (with_value("epochs", "!!int two"), f"{UNREADABLE}: invalid literal for int()"),
    (with_value("epochs", "!!int ''"), UNREADABLE),
    (with_value("epochs", "!!int [3]"), "expected a scalar node, but found sequence"),
    (with_value("epochs", "!!float two"), f"{UNREADABLE}: could not convert string to float"),
    (with_value("epochs", "!!bool maybe"), UNREADABLE),
    (with_value("epochs", "!!timestamp x"), 'failed to construct timestamp from "x"'),
    (with_value("epochs", "!!binary aGVsbG8="), f"'epochs': {INTEGER} b'hello'"),
    (with_value("epochs", "!!binary ä"), "failed to convert base64 data into ascii"),
    (with_value("epochs", "!!set {a}"), f"'epochs': {INTEGER} {{'a'}}"),
    (with_value("epochs", "!!omap [a: 1]"), f"'epochs': {INTEGER} ordereddict"),
    # dates and times
    (with_value("epochs", "2020-01-01"), f"'epochs': {INTEGER} datetime.date(2020, 1, 1)"),
    (with_value("epochs", "2020-01-01T10:00:00Z"), f"'epochs': {INTEGER} datetime.datetime"),
    (with_value("epochs", "2020-13-45"), f"{UNREADABLE}: month must be in 1..12"),
    (with_value("epochs", "9999-12-31T23:59:59.9999999"), f"{UNREADABLE}: date value out of range"),
    (with_value("epochs", "2020-01-01T25:00:00Z"), f"{UNREADABLE}: hour must be in 0..23"),
    (with_value("epochs", "0001-01-01T00:00:00+09:00"), f"'epochs': {INTEGER} datetime"),
    (with_value("positive_class", "2020-01-01"), f"'positive_class': {STRING} datetime.date"),
    (with_value("epochs", "12:30:45"), f"'epochs': {INTEGER} '12:30:45'"),
    # numbers
    (with_value("epochs", "two"), f"'epochs': {INTEGER} 'two'"),
    (with_value("epochs", "'2'"), f"'epochs': {INTEGER} '2'"),
    (with_value("epochs", "2.5"), f"'epochs': {INTEGER} 2.5"),
    (with_value("epochs", "2.0"), f"'epochs': {INTEGER} 2.0"),
    (with_value("epochs", "1e2"), f"'epochs': {INTEGER} 100.0"),
    (with_value("epochs", "0o9"), f"'epochs': {INTEGER} '0o9'"),
    (with_value("epochs", "2,000"), f"'epochs': {INTEGER} '2,000'"),
    (with_value("epochs", "٣"), f"'epochs': {INTEGER} '٣'"),
    (with_value("epochs", ""), f"'epochs': {INTEGER} nothing"),
    (with_value("epochs", "~"), f"'epochs': {INTEGER} nothing"),
    (with_value("epochs", "true"), f"'epochs': {INTEGER} True"),
    (with_value("epochs", "yes"), f"'epochs': {INTEGER} 'yes'"),
    (with_value("epochs", "no"), f"'epochs': {INTEGER} 'no'"),
    (with_value("epochs", "on"), f"'epochs': {INTEGER} 'on'"),
    (with_value("epochs", "off"), f"'epochs': {INTEGER} 'off'"),
    (with_value("epochs", "[3]"), f"'epochs': {INTEGER} [3]"),
    (with_value("epochs", "{a: 3}"), f"'epochs': {INTEGER} {{'a': 3}}"),
    (with_value("epochs", ".nan"), f"'epochs': {INTEGER} nan"),
    (with_value("epochs", ".inf"), f"'epochs': {INTEGER} inf"),
    (with_value("epochs", r'"\ud800"'), "found invalid Unicode character escape code"),
    (with_value("epochs", '"' + r"\n" * 3000 + '"'), rf"'epochs': {INTEGER} '\n\n"),
    (with_value("epochs", "x" * 9000), f"'epochs': {INTEGER} 'xxx"),
    (with_value("epochs", "0"), "'epochs': expected greater than or equal to 1, found 0"),
    (with_value("epochs", "-3"), "'epochs': expected greater than or equal to 1, found -3"),
    (with_value("epochs", "2147483648"), "'epochs': expected less than 2147483648, found"),
    (with_value("epochs", HUGE), "'epochs': expected less than 2147483648, found 999"),
    (with_value("epochs", "9" * 5000), f"{UNREADABLE}: Exceeds the limit"),
    (with_value("epochs", "0x" + "f" * 5000), "found a number with thousands of digits"),
    (with_value("batch_size", "0"), "'batch_size': expected greater than or equal to 1, found 0"),
    (with_value("batch_size", HUGE), "'batch_size': expected less than 2147483648, found 999"),
    (
        with_value("image_size", "31"),
        "'image_size': expected greater than or equal to 32, found 31",
    ),
    (with_value("image_size", "1025"), "'image_size': expected less than or equal to 1024, found"),
    (with_value("seed", "-1"), "'seed': expected greater than or equal to 0, found -1"),
    (with_value("seed", "4294967296"), "'seed': expected less than 2147483648, found 4294967296"),
    (with_value("seeds", "0"), "'seeds': expected greater than or equal to 1, found 0"),
    (with_value("seeds", "101"), "'seeds': expected less than or equal to 100, found 101"),
    (with_value("learning_rate", "'1e-3'"), f"'learning_rate': {NUMBER} '1e-3'"),
    (with_value("learning_rate", "0,001"), f"'learning_rate': {NUMBER} '0,001'"),
    (with_value("learning_rate", "0"), "'learning_rate': expected greater than 0, found 0"),
    (with_value("learning_rate", "nan"), f"'learning_rate': {NUMBER} 'nan'"),
    (with_value("learning_rate", ".nan"), "'learning_rate': expected a finite number, found nan"),
    (with_value("learning_rate", "-.inf"), "'learning_rate': expected a finite number, found -inf"),
    (with_value("learning_rate", "1e999"), "'learning_rate': expected a finite number, found inf"),
    (with_value("learning_rate", HUGE), f"'learning_rate': {NUMBER} 999"),
    (with_value("target_recall", "0"), "'target_recall': expected greater than 0, found 0"),
    (with_value("target_recall", "99 %"), f"'target_recall': {NUMBER} '99 %'"),
    (
        with_value("audit.max_rejected", "2"),
        "'audit.max_rejected': expected less than or equal to 1",
    ),
    (with_value("augmentation.rotation", ".6"), "'augmentation.rotation': expected less than or"),
    (with_value("augmentation.views", "-1"), "'augmentation.views': expected greater than or"),
    # the threshold, which is printed with four decimals
    (with_value("threshold", "0.33333"), f"{THRESHOLD} 0.33333"),
    (with_value("threshold", "1e-5"), f"{THRESHOLD} 1e-05"),
    (with_value("threshold", "0.30000000000000004"), f"{THRESHOLD} 0.30000000000000004"),
    (with_value("threshold", "1.5"), f"{THRESHOLD} 1.5"),
    (with_value("threshold", "-0.1"), f"{THRESHOLD} -0.1"),
    (with_value("threshold", ".nan"), f"{THRESHOLD} nan"),
    (with_value("threshold", ".inf"), f"{THRESHOLD} inf"),
    (with_value("threshold", HUGE), f"{THRESHOLD} 999"),
    (with_value("threshold", "'0.5'"), f"{THRESHOLD} '0.5'"),
    (with_value("threshold", "automatic"), f"{THRESHOLD} 'automatic'"),
    (with_value("threshold", "true"), f"{THRESHOLD} True"),
    (with_value("threshold", "null"), f"{THRESHOLD} nothing"),
    (with_value("threshold", "[0.5]"), f"{THRESHOLD} [0.5]"),
    # text and choices
    (with_value("dataset", "[sample]"), "'dataset': expected a valid string, found ['sample']"),
    (with_value("engine", "1"), "'engine': expected a valid string, found 1"),
    (with_value("precision", "float16"), "'precision': expected 'float32'"),
    (
        with_value("positive_class", "''"),
        "'positive_class': String should have at least 1 character",
    ),
    (with_value("positive_class", "null"), f"'positive_class': {STRING} nothing"),
    (with_value("positive_class", "true"), f"'positive_class': {STRING} True"),
    (with_value("positive_class", "0.5"), f"'positive_class': {STRING} 0.5"),
    (with_value("positive_class", r'"a\0b"'), rf"'positive_class': {CONTROL} 'a\x00b'"),
    (with_value("positive_class", r'"Icon\r"'), rf"'positive_class': {CONTROL} 'Icon\r'"),
    (with_value("positive_class", r'"\ud800"'), "found invalid Unicode character escape code"),
    (with_value("positive_class", "0x" + "f" * 5000), "a number with thousands of digits"),
    (with_value("archive.file", r'"a\nb.zip"'), f"'archive.file': {CONTROL}"),
    (with_value("archive.urls", "[]"), "'archive.urls': List should have at least 1 item"),
    (
        with_value("archive.urls", "http://a/b.zip"),
        "'archive.urls': expected a valid list, found",
    ),
    (with_value("archive.urls", "['http://a', 3]"), f"'archive.urls.1': {STRING} 3"),
    (with_value("archive.size", "-1"), "'archive.size': expected greater than 0, found -1"),
    (with_value("archive.size", "250 MB"), f"'archive.size': {INTEGER} '250 MB'"),
    (with_value("archive.sha256", "abc"), "'archive.sha256': String should match pattern"),
    (with_value("archive.sha256", "1" * 64), f"'archive.sha256': {STRING} 111"),
    (
        with_value("photos.limit", "0"),
        "'photos.limit': expected greater than or equal to 1, found 0",
    ),
    (with_value("photos.group", "''"), "'photos.group': String should have at least 1 character"),
    (with_value("photos.group", "7081"), f"'photos.group': {STRING} 7081"),
    (with_value("photos.group", "[parent]"), f"'photos.group': {STRING} ['parent']"),
    (with_value("photos.group", r'"a\nb"'), f"'photos.group': {CONTROL}"),
    (with_value("photos.group", "'(.*)-[0-9'"), f"{PATTERN} unterminated character set"),
    (with_value("photos.group", "'(.*'"), f"{PATTERN} missing ), unterminated subpattern"),
    (with_value("photos.group", "'*.jpg'"), f"{PATTERN} nothing to repeat at position 0"),
    (with_value("photos.group", r"'C:\users'"), rf"{PATTERN} incomplete escape \u at position 2"),
    (with_value("photos.group", r"'(.*)-\d+\'"), f"{PATTERN} bad escape (end of pattern)"),
    (with_value("photos.group", "'(?<=a+)b'"), f"{PATTERN} look-behind requires fixed-width"),
    (with_value("photos.group", "'a{99999999999}'"), f"{PATTERN} the repetition number is too"),
    (with_value("photos.group", "'[[a]'"), f"{PATTERN} Possible nested set at position 1"),
    (
        with_value("photos.group", f"'{'(' * 3000}'"),
        "'photos.group': String should have at most 200",
    ),
    # sections
    (with_value("split", "null"), f"'split': {SECTION} nothing"),
    (with_value("split", "[seed]"), f"'split': {SECTION} ['seed']"),
    (with_value("split", "grouped"), f"'split': {SECTION} 'grouped'"),
    (with_value("split", "{}"), "key 'split.strategy' is missing"),
    (with_value("split.valid", "0.9"), "'split': expected valid + test below 1"),
    (with_value("weights", "random"), f"'weights': {SECTION} 'random'"),
    (with_value("weights", "{}"), "'weights': Dictionary should have at least 1 item"),
    (with_value("weights", "{1: random}"), f"'weights.1.[key]': {STRING} 1"),
    (with_value("weights", "{vgg16: 3}"), f"'weights.vgg16': {STRING} 3"),
    (with_value("weights", r'{vgg16: "a\0"}'), f"'weights.vgg16': {CONTROL}"),
    # keys
    (replaced("\nepochs:", "\nepohcs:"), "unknown key 'epohcs'; did you mean 'epochs'?"),
    (replaced("\narchive:", "\nconcrete:"), "unknown key 'concrete'; it is called 'archive' now."),
    (replaced("\nepochs:", "\nEpochs:"), "unknown key 'Epochs'; did you mean 'epochs'?"),
    (replaced("\nepochs:", "\n'epochs ':"), "unknown key 'epochs '; did you mean 'epochs'?"),
    (replaced("\nepochs:", "\nepochs\u00a0:"), r"unknown key 'epochs\xa0'; did you mean 'epochs'?"),
    (replaced("\nepochs:", '\n"epochs\\n":'), r"unknown key 'epochs\n'; did you mean 'epochs'?"),
    (replaced("\nepochs:", "\n#epochs:"), "key 'epochs' is missing; add it with a value"),
    (replaced("  views:", "  veiws:"), "unknown key 'augmentation.veiws'; did you mean 'aug"),
    (GOOD + "colour: red\n", "unknown key 'colour'; expected one of archive, audit, augmentation,"),
    (GOOD + "split.seed: 3\n", "unknown key 'split.seed'"),
    (GOOD + "? " + "k" * 9000 + "\n: 1\n", "unknown key 'kkk"),
    (GOOD + "1: 2\n", "'1': Keys should be strings"),
    (GOOD + "null: 2\n", "'None': Keys should be strings"),
    (GOOD + "true: 2\n", "Keys should be strings, found True"),
    (GOOD + "2020-01-01: 2\n", "Keys should be strings"),
    (GOOD + "[a, b]: 2\n", "Keys should be strings"),
    (
        GOOD + '"\\ud800": 2\n',
        "found invalid Unicode character escape code",
    ),
]


def sentence_about(path: Path) -> str:
    with pytest.raises(CracksError) as error:
        load_params(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "words"), CASES, ids=[f"{n:03}" for n in range(1, len(CASES) + 1)]
)
def test_bad_parameters_are_one_sentence(
    content: str | bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("params.yaml")
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    sentence = sentence_about(path)
    assert words in sentence
    assert sentence.startswith("params.yaml")
    assert sentence.endswith((".", "?"))
    assert sentence.isprintable()
    assert len(sentence) < 500


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "found a folder or a device" in sentence_about(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "params.yaml")
    assert "found a folder or a device" in sentence_about(tmp_path / "params.yaml")


@pytest.mark.parametrize("target", ["missing.yaml", "params.yaml"])
def test_a_link_to_nothing_or_to_itself_is_no_file(target: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").symlink_to(target)
    assert "found none; run from the project's folder" in sentence_about(tmp_path / "params.yaml")


def test_a_name_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    assert "cannot be read: File name too long" in sentence_about(tmp_path / ("p" * 300))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that exists and cannot be read")
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").symlink_to("/proc/self/mem")
    assert "cannot be read: Input/output error" in sentence_about(tmp_path / "params.yaml")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file"
)
def test_a_file_without_permission_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(GOOD)
    path.chmod(0)
    assert "cannot be read: Permission denied" in sentence_about(path)
