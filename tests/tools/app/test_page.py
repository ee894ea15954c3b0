"""The page in a real browser: Debian's Chromium."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.project import ROOT
from tests.support.walls import wall

playwright = pytest.importorskip("playwright.sync_api", reason="make test-app installs it")

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium (apt install chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright.expect.set_options(timeout=30_000)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


SIZES = [(375, "light"), (768, "dark"), (1280, "light"), (1280, "dark")]


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}-{size[1]}")
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Any]:
    """The page, on a telephone, a tablet and a desk; it asks no other machine, without mistakes."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda found: asked.append(found.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if _is_mistake(line) else None)
    page.goto(address)
    yield page
    assert all(url.startswith(address) for url in asked)
    assert not wrong
    context.close()


def _is_mistake(line: Any) -> bool:
    """Whether a line of the console is more than a refused file, which the page shows itself."""
    return line.type == "error" and "status of 422" not in line.text


def _dropped(page: Any) -> Any:
    """A wall, dropped beside the box; its two sides, done."""
    _drop(page, "h1", "wall.png", _png())
    card = page.locator(".photograph").first
    playwright.expect(card.locator(".side:not(.busy)")).to_have_count(2)
    playwright.expect(card.locator("table")).to_have_count(2)
    return card


def test_a_wall_is_dropped_anywhere_and_judged_by_another_threshold(
    page: Any, tmp_path: Path
) -> None:
    first = _dropped(page).locator(".side").first
    playwright.expect(first).to_contain_text("1 crack, together")
    playwright.expect(first).to_contain_text("trained on the dataset “walls”")
    layer = first.locator("img.layer")
    assert layer.evaluate("image => image.decode().then(() => image.naturalWidth)") == 300
    before = layer.get_attribute("src")
    first.get_by_label("Threshold").fill("0.95")
    first.get_by_label("Threshold").dispatch_event("change")
    playwright.expect(first.locator("output")).to_have_text("0.95")
    playwright.expect(layer).not_to_have_attribute("src", before)
    with page.expect_download() as download:
        first.get_by_text("CSV").click()
    download.value.save_as(tmp_path / "regions.csv")
    assert (tmp_path / "regions.csv").read_text().startswith("region,x,y,")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_marks_fade_and_rows_and_marks_light_up_together(page: Any) -> None:
    first = _dropped(page).locator(".side").first
    first.get_by_label("Marks").fill("0")
    assert first.locator("img.layer").evaluate("image => image.style.opacity") == "0"
    row, mark = first.locator("tbody tr").first, first.locator("svg [data-number='1']")
    row.hover()
    playwright.expect(mark).to_have_class("on")
    first.locator("h3").hover()
    playwright.expect(mark).not_to_have_class("on")
    mark.locator("rect").hover()
    playwright.expect(row).to_have_class("on")


def test_a_known_length_gives_millimetres(page: Any) -> None:
    card = _dropped(page)
    card.get_by_text("Measure a known length").click()
    view = card.locator(".view").first
    box = view.bounding_box()
    for share in (0.25, 0.75):
        view.click(position={"x": box["width"] / 2, "y": share * box["height"]})
    card.get_by_label("mm long").fill("100")
    card.get_by_label("mm long").press("Enter")
    assert float(card.get_by_label("Millimetres per pixel").input_value()) == pytest.approx(
        0.5, abs=0.01
    )
    playwright.expect(card.locator(".side").nth(1)).to_contain_text("mm wide")
    page.reload()
    kept = page.locator(".photograph").first
    playwright.expect(kept.locator(".side").first).to_contain_text("mm wide")


def test_the_picture_zooms_and_moves(page: Any) -> None:
    view = _dropped(page).locator(".view").first
    stage = view.locator(".stage")
    view.press("+")
    view.press("ArrowRight")
    assert "scale(1.5)" in stage.evaluate("stage => stage.style.transform")
    view.press("0")
    assert "scale(1)" in stage.evaluate("stage => stage.style.transform")


def test_no_serious_fault_of_accessibility(page: Any) -> None:
    if not AXE.is_file():
        pytest.skip("make test-app installs axe-core")
    _dropped(page)
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    faults = [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert not faults


def test_a_bad_file_is_one_sentence_on_the_page(page: Any) -> None:
    _drop(page, "#drop", "notes.png", b"no image")
    playwright.expect(page.locator(".photograph .warning").first).to_contain_text("not an image")


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(wall()).save(buffer, "PNG")
    return buffer.getvalue()


def _drop(page: Any, place: str, name: str, data: bytes) -> None:
    """Drop a file on a place of the page as from a file manager."""
    transfer = page.evaluate_handle(
        """([name, data]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], name));
            return transfer;
        }""",
        [name, list(data)],
    )
    page.dispatch_event(place, "drop", {"dataTransfer": transfer})
