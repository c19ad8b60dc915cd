"""The web application: judge pictures, read reports, start audits. Importing this is cheap."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from faceaudit.errors import FaceAuditError, MissingExtraError
from faceaudit.files import expect_writable

#: Connections beyond this many are told to come back; a browser opens up to six.
MAX_CONNECTIONS = 100


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    reports: Path | str = "reports",
    models: Sequence[Path | str] | None = None,
    scores: Sequence[Path | str] = (),
    trust_pickle: bool = False,
    images: bool = True,
) -> None:
    """Serve the web application until it is interrupted.

    Parameters
    ----------
    host : str
        Address to listen on. Any other than this machine's own needs a token.
    port : int
    token : str, optional
        What every request must bring: a page asks for it once, programs send it as
        ``Authorization: Bearer``.
    reports : path
        Folder of reports to show, and where audits that are started on the page go.
    models : sequence of str or path, optional
        As `faceaudit.api.score` takes them; all bundled ones if left out.
    scores : sequence of path
        Scores tables to explore; those of models that are served also say what their
        predictions are worth.
    trust_pickle : bool
        Take a model that is a pickle, which can run any program when it is opened.
    images : bool
        Show the pictures behind the scores, of folders that were indexed on this machine.

    Raises
    ------
    FaceAuditError
        If a model or table is unusable, the address cannot be had, or a token is missing.
    MissingExtraError
        If the packages of the extra ``web`` are not installed.
    """
    for package in ("fastapi", "uvicorn", "python_multipart", "plotly"):
        if find_spec(package) is None:
            raise MissingExtraError("serve", "web")
    import uvicorn

    from faceaudit.web.app import create_app
    from faceaudit.web.connections import TimedProtocol
    from faceaudit.web.security import require_token

    require_token(host, token)
    if not Path(reports).is_dir():
        expect_writable(Path(reports) / "audit.json")
    # A single picture gains nothing from more threads, which wait for each other where the
    # machine is busy: there, two took fifty times as long as one. Read when torch is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app = create_app(
        models=models,
        scores=scores,
        reports=reports,
        host=host,
        token=token,
        trust_pickle=trust_pickle,
        images=images,
    )
    with _listen(host, port) as listener:
        shown, bound = listener.getsockname()[:2]
        place = f"[{shown}]" if ":" in shown else shown
        print(f"faceaudit: http://{place}:{bound}/ (Ctrl+C stops it)", file=sys.stderr)
        config = uvicorn.Config(
            app,
            http=TimedProtocol,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Bind an address before anything is served, so that a taken port is one clear line."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise FaceAuditError(
            f"cannot listen on {host}, port {port} ({error}); choose another with --port"
        ) from None
