import numpy as np
from PIL import Image

from cracks.report.frame import ColourBar, framed

BAR = ColourBar("P(crack)", "autumn_r", "0.50", "1")


def test_a_page_is_wide_enough_for_its_text() -> None:
    small = Image.new("RGB", (40, 30))
    page = framed(small, ["a long line of text " * 4], BAR)
    assert page.width > 300
    assert np.asarray(page)[:, -8:].min() == 255
