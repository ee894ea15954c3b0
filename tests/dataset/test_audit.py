import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cracks.dataset import audit as audits
from cracks.dataset.audit import Audit, audit_archive
from cracks.dataset.split import assign_parts, count_split
from cracks.images.archive import open_archive, write_archive
from cracks.images.decoding import RGB, decode
from cracks.project.errors import CracksError
from cracks.project.params import AuditLimits, Split
from cracks.runtime.progress import progress
from cracks.tables.labels import POSITIVE
from tests.support.images import bomb, jpeg, pixels
from tests.support.project import REAL


def limits(max_rejected: float) -> AuditLimits:
    return AuditLimits(max_rejected=max_rejected, max_megapixels=1, max_file_mb=1)


def audit(
    tmp_path: Path, members: dict[str, bytes], positive: str = "positive", share: float = 0.5
) -> Audit:
    path = tmp_path / "images.zip"
    write_archive(path, members.items())
    return audit_archive(path, positive, limits(share))


def plain(count: int = 8) -> dict[str, bytes]:
    """As many different images in two classes."""
    classes = ("negative", "positive")
    return {f"{classes[n % 2]}/{n:02}.jpg": jpeg(pixels(n)) for n in range(count)}


def test_errors_call_the_archive_as_the_user_does(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    for members in ({}, plain() | {"positive/x.jpg": b"x"}, {"positive/1.jpg": jpeg(pixels(1))}):
        write_archive(path, members.items())
        with pytest.raises(CracksError) as error:
            audit_archive(path, "positive", limits(0), "my-walls")
        assert "in my-walls" in str(error.value)
        assert str(path) not in str(error.value)


def test_a_raw_file_is_rejected_by_its_name(tmp_path: Path) -> None:
    found = audit(tmp_path, plain() | {"positive/7.NEF": jpeg(pixels(9))})
    assert found.rejected.to_numpy().tolist() == [
        ["positive/7.NEF", "a raw file of a camera; develop it to JPEG, PNG or TIFF"]
    ]


def test_planted_truth(tmp_path: Path) -> None:
    members = plain()
    members["negative/same.jpg"] = members["negative/00.jpg"]
    members["negative/again.jpg"] = jpeg(pixels(2), 70)
    members["positive/mirror.jpg"] = jpeg(pixels(1)[:, ::-1])
    members["positive/turned.jpg"] = jpeg(pixels(1)[::-1, ::-1])
    found = audit(tmp_path, members)
    group = found.images.set_index("id")["group"].to_dict()
    assert group["negative/same.jpg"] == group["negative/00.jpg"] == "negative/00.jpg"
    assert group["negative/again.jpg"] == group["negative/02.jpg"]
    assert group["positive/mirror.jpg"] == group["positive/turned.jpg"] == "positive/01.jpg"
    assert group["positive/03.jpg"] == "positive/03.jpg"
    assert len(found.rejected) == 0
    assert found.counts == {
        "images": 12,
        "negative": 6,
        "positive": 6,
        "groups": 8,
        "images_with_a_copy": 7,
        "largest_group": 3,
        "byte_identical_copies": 1,
        "pairs_of_copies": 5,
        "pairs_mirrored_or_turned": 3,
        "rejected": 0,
        "conflicts": 0,
    }


def test_the_table_says_what_is_there(tmp_path: Path) -> None:
    members = {f"Val/WET wall/{n}.jpg": jpeg(pixels(n)) for n in range(3)}
    members |= {f"train/dry/ü {n}.jpg": jpeg(pixels(n + 3)[:70]) for n in range(3)}
    images = audit(tmp_path, members, positive="wet Wall").images
    assert list(images.columns) == ["id", "label", "given", "width", "height", "sha256", "group"]
    assert list(images["id"]) == sorted(members)
    assert list(images["label"]) == ["positive"] * 3 + ["negative"] * 3
    assert list(images["given"]) == ["valid"] * 3 + ["train"] * 3
    assert set(zip(images["width"], images["height"], strict=True)) == {(80, 80), (80, 70)}


UNUSABLE = {
    "positive/cut.jpg": (jpeg(pixels(20))[:900], "damaged or cut short"),
    "positive/text.jpg": (b"this is text", "not an image in a known format"),
    "positive/empty.jpg": (b"", "the file is empty"),
    "positive/small.jpg": (jpeg(pixels(21)[:20]), "smaller than 32 px"),
    "positive/bomb.png": (bomb(30_000), "is more than the"),
    "positive/large.png": (bomb(1001), "1001 x 1001 pixels is more than the 1,000,000 allowed"),
    "positive/heavy.jpg": (bytes(1_000_001), "1,000,001 bytes are more than the 1,000,000 allowed"),
    "../outside.jpg": (jpeg(pixels(22)), "the name points out of the archive"),
    "/etc/passwd.jpg": (jpeg(pixels(23)), "the name points out of the archive"),
    "loose.jpg": (jpeg(pixels(24)), "not in a class folder"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_used_is_listed_with_its_reason(name: str, tmp_path: Path) -> None:
    data, reason = UNUSABLE[name]
    found = audit(tmp_path, plain() | {name: data})
    assert found.rejected["name"].tolist() == [name]
    assert reason in found.rejected["reason"].iloc[0]
    assert name not in set(found.images["id"])
    assert found.counts["rejected"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.zip"]


def test_junk_and_folders_are_no_files(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("negative/", b"")
        archive.writestr("__MACOSX/negative/._00.jpg", b"AppleDouble")
        archive.writestr("negative/.DS_Store", b"x")
        for name, data in plain().items():
            archive.writestr(name, data)
    found = audit_archive(path, "positive", limits(0))
    assert len(found.images) == 8
    assert len(found.rejected) == 0


def test_the_same_image_under_two_labels_is_left_out_of_both(tmp_path: Path) -> None:
    members = plain()
    members["positive/same.jpg"] = members["negative/00.jpg"]
    members["positive/mirror.jpg"] = jpeg(pixels(2)[:, ::-1])
    found = audit(tmp_path, members)
    left_out = {"positive/same.jpg", "negative/00.jpg", "positive/mirror.jpg", "negative/02.jpg"}
    assert set(found.rejected["name"]) == left_out
    assert left_out.isdisjoint(found.images["id"])
    assert found.counts["conflicts"] == 4
    assert found.counts["rejected"] == 0
    reason = found.rejected.set_index("name")["reason"]["positive/same.jpg"]
    assert reason == "the same image as negative/00.jpg, which has the other label"


def test_accents_of_a_class_folder_may_be_written_in_two_ways(tmp_path: Path) -> None:
    taken_apart = "Fläche"
    members = {f"{taken_apart}/{n}.jpg": jpeg(pixels(n)) for n in range(2)}
    members |= {f"no/{n}.jpg": jpeg(pixels(n + 2)) for n in range(2)}
    found = audit(tmp_path, members, positive="fläche")
    assert list(found.images["label"]) == ["positive"] * 2 + ["negative"] * 2


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({}, "Expected images in .*, found none"),
        ({"a/1.jpg": jpeg(pixels(0))}, r"in two class folders .*, found a;"),
        (
            {"a/1.jpg": jpeg(pixels(0)), "b/2.jpg": jpeg(pixels(1))},
            "positive_class to be one of",
        ),
        (
            plain() | {f"negative/{n}.jpg": b"x" for n in range(9)},
            "at most 50 % unusable .* found 9",
        ),
        (
            {
                "positive/1.jpg": jpeg(pixels(0)),
                "positive/2.jpg": jpeg(pixels(1)),
                "no/3.jpg": b"",
            },
            "two class folders .* after unusable files were left out, found positive;",
        ),
        (
            plain(2) | {f"positive/{n}.jpg": jpeg(pixels(0), 80 + n) for n in range(2)},
            "at most 50 % unusable .* found 3 of 4, .* which has the other label",
        ),
        (
            {"positive/1.jpg": jpeg(pixels(0)), "no/1.jpg": jpeg(pixels(0))} | plain(2),
            "two class folders .*, found negative, no, positive;",
        ),
    ],
    ids=[
        "empty",
        "one class",
        "wrong positive class",
        "too much rejected",
        "a class is gone",
        "too many have both labels",
        "three classes",
    ],
)
def test_what_ends_the_run_is_one_sentence(
    members: dict[str, bytes], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(CracksError, match=sentence):
        audit(tmp_path, members)


def test_a_file_that_is_no_archive_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(b"no zip")
    with pytest.raises(CracksError, match="Expected a zip archive"):
        audit_archive(tmp_path / "images.zip", "positive", limits(0.05))


def test_a_member_that_is_damaged_in_the_archive_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    write_archive(path, plain().items())
    data = bytearray(path.read_bytes())
    data[data.index(b"positive/01.jpg") + 200] ^= 255
    path.write_bytes(data)
    found = audit_archive(path, "positive", limits(0.5))
    assert found.rejected["name"].tolist() == ["positive/01.jpg"]


def test_a_worker_opens_the_archive_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "images.zip"
    write_archive(path, plain().items())
    opened = []
    plain_open = open_archive

    def open_and_count(path: Path) -> zipfile.ZipFile:
        opened.append(plain_open(path))
        return opened[-1]

    monkeypatch.setattr(audits, "open_archive", open_and_count)
    for name in plain():
        _, fingerprint = audits._examine_member(path, limits(0.5), name)
        assert fingerprint
    assert len(opened) == 1
    audits._opened.cache_clear()
    opened[0].close()


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason=f"no real photographs at {REAL}")
def test_on_real_photographs(tmp_path: Path) -> None:
    """Nothing is rejected, no group holds both classes, and a grouped split does not leak."""
    found = audit_archive(REAL, "positive", limits(0))
    assert found.counts["images"] == 8000
    assert found.counts["conflicts"] == 0
    assert found.counts["pairs_of_copies"] == 2988

    split = Split(strategy="random", valid=0.2, test=0.2, seed=0)
    leaky = count_split(assign_parts(found.images, split))
    assert leaky["test.leaked_positive"] > 0.2 * leaky["test.positive"]
    grouped = assign_parts(found.images, split.model_copy(update={"strategy": "grouped"}))
    assert count_split(grouped)["test.leaked"] == 0

    # another way to look: the nearest training image of each test image, over all pairs
    with zipfile.ZipFile(REAL) as archive:
        tiny = np.stack([_normed(decode(archive.read(n))) for n in progress(grouped["id"])])
    parts = grouped["part"].to_numpy()
    nearest = (tiny[parts == "test"] @ tiny[parts == "train"].T).max(axis=1)
    assert (nearest > 0.95).mean() <= 0.005
    assert (grouped["label"] == POSITIVE).sum() == 4000


def _normed(rgb: RGB) -> np.ndarray:
    """A vector whose product with another's is the correlation of the two images' texture."""
    grey = Image.fromarray(rgb).convert("L").resize((48, 48), Image.Resampling.LANCZOS)
    values = np.asarray(grey, np.float32)
    values = values[:, 1:] - values[:, :-1]  # what is left of the light says nothing
    values = values.ravel() - values.mean()
    return np.asarray(values / (np.linalg.norm(values) + 1e-9))
