"""A web application with invented classifiers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'web'")
pytest.importorskip("python_multipart", reason="needs the extra 'web'")
pytest.importorskip("plotly", reason="needs the extra 'web'")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from faceaudit.web import caveats
from faceaudit.web.app import create_app
from faceaudit.web.measured_errors import Record
from tests.web.drawn_web import AUDITED, BrightnessDetector


@pytest.fixture
def detectors() -> list[BrightnessDetector]:
    return [BrightnessDetector("low", 0.3), BrightnessDetector("high", 0.7)]


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


@pytest.fixture
def application(detectors, reports) -> Callable[..., Starlette]:
    def make(**options) -> Starlette:
        low, high = detectors
        records = {"low": Record(low, [AUDITED]), "high": Record(high, [])}
        options = {"records": records, "reports": reports} | options
        return create_app(**options)

    return make


@pytest.fixture
def client(application) -> Iterator[TestClient]:
    with TestClient(application(), base_url="http://127.0.0.1:8000") as client:
        yield client


@contextmanager
def serving(application: Starlette, **options: Any) -> Iterator[str]:
    """Serve an application on this machine, with options of uvicorn; gives its address."""
    uvicorn = pytest.importorskip("uvicorn", reason="needs the extra 'web'")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", **options))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        # The socket listens already: whoever connects now waits until the server answers.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def live(application, monkeypatch) -> Iterator[str]:
    """The address of a real server on this machine, without its face finder, which is slow."""
    monkeypatch.setattr(caveats, "face_finder", lambda: None)
    with serving(application()) as address:
        yield address
