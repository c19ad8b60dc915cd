"""The web application: judge pictures, read reports, start audits. Importing this is cheap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    reports: Path | str = "reports",
    models: Sequence[Path | str] | None = None,
    scores: Sequence[Path | str] = (),
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
        ``bundled:NAME`` or model directories; all bundled ones if left out.
    scores : sequence of path
        Scores tables of models that are not bundled, from which it is said what their
        verdicts are worth.

    Raises
    ------
    FaceAuditError
        If a model or table is unusable, the address cannot be had, or a token is missing.
    MissingExtraError
        If the packages of the extra ``web`` are not installed.
    """
    import importlib.util

    from faceaudit.errors import MissingExtraError

    for package in ("starlette", "uvicorn", "python_multipart"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("serve", "web")
    from faceaudit.web.server import run

    run(host, port, token, reports, models, scores)
