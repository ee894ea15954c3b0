"""`app`: a local page on which photographs of walls are dropped."""

import socket
import threading
import webbrowser

from cracks.project.errors import CracksError
from cracks.project.params import Params, load_params
from cracks.report.learned import learned_from
from cracks.tools.walls.cells import load_cell_classifier

_UNTIL_SERVED = 1.0  # seconds


def run(backbone: str | None, port: int, head: str | None = None, open_page: bool = False) -> int:
    """Serve the page until interrupted; `head` names an adapted head."""
    try:
        import uvicorn

        from cracks.tools.app.gallery import Gallery
        from cracks.tools.app.server import HOST, create_app
    except ModuleNotFoundError as error:
        raise CracksError(
            f"Expected the package {error.name} for the page, found none; run `make app`, or "
            "`pip install -r requirements-app.txt`."
        ) from None
    address = f"http://{HOST}:{port}"
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise CracksError(
            f"Expected a free port for {address}, found none ({error.strerror}); name another one "
            "as --port."
        ) from None
    params = load_params()
    backbones = params.backbones(backbone)
    classifiers = [load_cell_classifier(name, params, head) for name in backbones]
    app = create_app(Gallery(classifiers), {name: _about(name, params, head) for name in backbones})
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    serving = threading.Thread(  # here Ctrl-C would wait for uploads that are not finished
        target=uvicorn.Server(config).run, kwargs={"sockets": [listening]}, daemon=True
    )
    serving.start()
    print(f"{address}   (Ctrl+C ends it; nothing leaves this machine)", flush=True)
    if open_page:
        threading.Timer(_UNTIL_SERVED, webbrowser.open, [address]).start()
    serving.join()
    return 0


def _about(backbone: str, params: Params, head: str | None) -> str:
    """What was trained on what, as the page says it; `head` names an adapted one."""
    known = params.weights.get(backbone)
    learned = f", its backbone on {learned_from(backbone, known)}" if known else ""
    adapted = f" Its threshold is by your labelled patches “{head}”." if head else ""
    return f"Its head was trained on drawings, not on photographs{learned}.{adapted}"
