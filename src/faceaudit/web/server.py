"""The server process: an address, and the application behind it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from faceaudit.errors import FaceAuditError
from faceaudit.web.app import create_app
from faceaudit.web.security import require_token

#: Connections beyond this many are told to come back; a browser opens up to six.
MAX_CONNECTIONS = 100


def run(
    host: str,
    port: int,
    token: str | None,
    reports: Path | str,
    models: Sequence[Path | str] | None,
    scores: Sequence[Path | str],
) -> None:
    """Serve until interrupted; see `faceaudit.web.serve`."""
    require_token(host, token)
    # A single picture gains nothing from more threads, which wait for each other where the
    # machine is busy: there, two took fifty times as long as one. Read when torch is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app = create_app(models=models, scores=scores, reports=reports, host=host, token=token)
    with listen(host, port) as listener:
        shown, bound = listener.getsockname()[:2]
        place = f"[{shown}]" if ":" in shown else shown
        print(f"faceaudit: http://{place}:{bound}/ (Ctrl+C stops it)", file=sys.stderr)
        config = uvicorn.Config(
            app,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Bind an address before anything else is done, so that a taken port is one clear line.

    Raises
    ------
    FaceAuditError
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise FaceAuditError(
            f"cannot listen on {host}, port {port} ({error}); choose another with --port"
        ) from None
    return listener
