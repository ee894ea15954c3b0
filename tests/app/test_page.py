"""The page in a real browser: Debian's Chromium."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.walls import wall

playwright = pytest.importorskip("playwright.sync_api", reason="make test-app installs it")

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium (apt install chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[375, 1280])
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Any]:
    """The page, on a telephone and on a desk; it asks no other machine and makes no mistakes."""
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda found: asked.append(found.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    yield page
    assert all(url.startswith((address, "data:")) for url in asked)
    assert not wrong
    context.close()


def test_a_wall_is_dropped_and_judged_by_another_threshold(page: Any, tmp_path: Path) -> None:
    _drop(page, "wall.png", _png())
    sides = page.locator(".side:not(.busy)")
    playwright.expect(sides).to_have_count(2)
    first = sides.first
    playwright.expect(first).to_contain_text("1 regions")
    playwright.expect(first).to_contain_text("trained on the dataset “walls”")
    picture = first.locator("img")
    playwright.expect(picture).to_have_attribute("src", re.compile("picture.png"))
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    before = picture.get_attribute("src")
    first.locator("input[type=range]").fill("0.95")
    playwright.expect(first.locator("output")).to_have_text("0.95")
    playwright.expect(picture).not_to_have_attribute("src", before)
    with page.expect_download() as download:
        first.get_by_text("CSV").click()
    download.value.save_as(tmp_path / "regions.csv")
    assert (tmp_path / "regions.csv").read_text().startswith("region,x,y,")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_bad_file_is_one_sentence_on_the_page(page: Any) -> None:
    _drop(page, "notes.png", b"no image")
    playwright.expect(page.locator(".photograph .warning")).to_contain_text("not an image")


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(wall()).save(buffer, "PNG")
    return buffer.getvalue()


def _drop(page: Any, name: str, data: bytes) -> None:
    """Drop a file on the page as from a file manager."""
    transfer = page.evaluate_handle(
        """([name, data]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], name));
            return transfer;
        }""",
        [name, list(data)],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
