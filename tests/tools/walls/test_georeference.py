"""Coordinates of georeferenced TIFFs, and GeoJSON by the rules of RFC 7946."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cracks.tools.walls.georeference import Georeference, read_georeference
from cracks.tools.walls.inspection import Inspection, geojson, inspect
from tests.support.walls import CLASSIFIER, CRACK, wall

PROJECTED, GEOGRAPHIC = 3072, 2048
UTM_32 = Georeference(500_000.0, 5_600_000.0, 0.01, 0.01, 32632)


def tiff(
    epsg: int = 32632, key: int = PROJECTED, raster: int = 1, model: int = 0, **changes: Any
) -> bytes:
    """A wall as a GeoTIFF; its pixel (10, 20) is at 500000.1, 5599999.8."""
    model = model or (1 if key == PROJECTED else 2)
    keys = [1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, raster, key, 0, 1, epsg]
    tags: dict[int, tuple[str, list[float]]] = {
        33550: ("d", [0.01, 0.01, 0.0]),
        33922: ("d", [10.0, 20.0, 0.0, 500_000.1, 5_599_999.8, 0.0]),
        34735: ("H", list(keys)),
    }
    tags |= {int(name.removeprefix("tag")): value for name, value in changes.items()}
    extra = [(code, kind, len(value), value, True) for code, (kind, value) in tags.items() if value]
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, wall(), extratags=extra, metadata=None)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    return inspect(wall(), "wall.tif", CLASSIFIER)


@pytest.mark.parametrize(("key", "epsg"), [(PROJECTED, 32632), (GEOGRAPHIC, 4326)])
def test_the_upper_left_corner_is_where_the_tags_say(key: int, epsg: int, tmp_path: Path) -> None:
    (tmp_path / "wall.tif").write_bytes(tiff(epsg, key))
    for source in (tmp_path / "wall.tif", tiff(epsg, key)):
        found = read_georeference(source, 300, 400)
        assert found is not None
        assert found[:2] == pytest.approx((500_000.0, 5_600_000.0), abs=1e-6)
        assert found[2:] == (0.01, 0.01, epsg)


def test_coordinates_of_the_middle_of_a_pixel_are_half_a_pixel_off() -> None:
    found = read_georeference(tiff(raster=2), 300, 400)
    assert found is not None
    assert found[:2] == pytest.approx((500_000.0 - 0.005, 5_600_000.0 + 0.005), abs=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        tiff(epsg=32767),  # of no published system
        tiff(4326, GEOGRAPHIC, model=1),  # metres of a system without a code
        tiff(tag33922=("d", [10.0, 20.0, 0.0, float("nan"), 5_599_999.8, 0.0])),
        tiff(tag33550=("d", [float("inf"), 0.01, 0.0])),
        tiff(tag33922=("d", [])),
        tiff(tag33550=("d", [0.01, -0.01, 0.0])),
        tiff(tag274=("H", [3])),  # upside down
        tiff(tag34264=("d", [float(x) for x in np.eye(4).ravel()])),
        tiff(tag33922=("d", [0.0] * 12)),  # two points
        tiff()[:200],
        b"no TIFF",
    ],
)
def test_what_is_not_plainly_north_up_stays_in_pixels(data: bytes) -> None:
    assert read_georeference(data, 300, 400) is None


def test_a_photograph_of_another_size_is_not_that_of_the_tags() -> None:
    assert read_georeference(tiff(), 400, 300) is None


def rings(document: dict[str, Any]) -> list[np.ndarray]:
    """The rings of a document's polygons, checked by the rules of RFC 7946."""
    assert document["type"] == "FeatureCollection"
    found = []
    for feature in document["features"]:
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] == "Polygon"
        (ring,) = feature["geometry"]["coordinates"]
        assert len(ring) >= 4
        assert ring[0] == ring[-1]
        places = np.array(ring)
        x, y = (places - places[0]).T
        assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0  # counter-clockwise
        found.append(places)
    return found


def test_the_geojson_of_a_georeferenced_photograph_lies_on_it(inspection: Inspection) -> None:
    document = json.loads(json.dumps(geojson(replace(inspection, georeference=UTM_32))))
    assert document["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32632"
    (ring,) = rings(document)
    left, right = (500_000 + 0.01 * x for x in (CRACK[1].start, CRACK[1].stop))
    top, bottom = (5_600_000 - 0.01 * y for y in (CRACK[0].start, CRACK[0].stop))
    assert ring.min(axis=0) == pytest.approx([left, bottom], abs=0.011)
    assert ring.max(axis=0) == pytest.approx([right, top], abs=0.011)


def test_degrees_are_plain_geojson(inspection: Inspection) -> None:
    degrees = Georeference(8.5, 50.1, 1e-7, 1e-7, 4326)
    document = geojson(replace(inspection, georeference=degrees))
    assert "crs" not in document
    (ring,) = rings(document)
    assert ring.min(axis=0) == pytest.approx([8.5 + 200e-7, 50.1 - 300e-7], abs=2e-7)


def test_without_coordinates_y_is_negative(inspection: Inspection) -> None:
    document = geojson(inspection)
    assert "crs" not in document
    (ring,) = rings(document)
    assert ring[:, 1].max() < 0 < ring[:, 0].min()
