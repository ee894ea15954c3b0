"""The page, served with classifiers that see dark places."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.walls import CLASSIFIER

uvicorn = pytest.importorskip("uvicorn", reason="make test-app installs it")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the page is."""
    from cracks.tools.app.gallery import Gallery
    from cracks.tools.app.server import HOST, create_app

    classifiers = [replace(CLASSIFIER, backbone=name) for name in ("resnet50", "vgg16")]
    about = dict.fromkeys(("resnet50", "vgg16"), "trained on the dataset “walls”")
    app = create_app(Gallery(classifiers), about)
    with socket.create_server((HOST, 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://{HOST}:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()
