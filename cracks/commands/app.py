"""`app`: a local page on which photographs of walls are dropped."""

from cracks.commands.caveats import load_familiar
from cracks.inference.classifier import load_local_classifier, load_trained
from cracks.inference.crack_map import training_side
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import load_params


def run(backbone: str | None, port: int) -> int:
    """Serve the page until interrupted."""
    try:
        import uvicorn

        from cracks.app.gallery import Gallery
        from cracks.app.server import HOST, create_app
    except ModuleNotFoundError as error:
        raise CracksError(
            f"Expected the package {error.name} for the page, found none; run `make app`, or "
            "`pip install -r requirements-app.txt`."
        ) from None
    params = load_params()
    backbones = [backbone] if backbone else list(params.weights)
    classifiers = [load_local_classifier(name, params) for name in backbones]
    gallery = Gallery(classifiers, load_familiar(backbones), training_side())
    app = create_app(gallery, {name: _about(name) for name in backbones})
    print(f"http://{HOST}:{port}   (Ctrl+C ends it; nothing leaves this machine)", flush=True)
    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False)
    return 0


def _about(backbone: str) -> str:
    origin = load_trained(backbone).origin
    return (
        f"trained on the dataset “{origin.dataset}”, on images scaled to {origin.image_size} x "
        f"{origin.image_size} pixels"
    )
