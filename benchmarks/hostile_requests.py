"""Hostile requests to the web application: what they are answered, and how long the worst takes.

Usage: python benchmarks/hostile_requests.py [REQUESTS]

Requests are mutated by a seed (tests/hostile/web_requests.py) and put to a server with invented
classifiers, one after the other. Whatever the server raises ends the run.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from faceaudit.web.app import create_app
from faceaudit.web.measured_errors import Record
from tests.hostile.web_requests import hostile_request
from tests.web.drawn_web import AUDITED, BrightnessDetector, scored_samples


def main(requests: int) -> None:
    """Send them and count the answers."""
    with tempfile.TemporaryDirectory() as folder:
        reports = Path(folder) / "reports"
        scored_samples(reports)
        records = {"low": Record(BrightnessDetector("low", 0.3), [AUDITED])}
        rng, answers, slowest, told = random.Random(1), Counter[int](), 0.0, ""
        app = create_app(records=records, reports=reports)
        with TestClient(app, base_url="http://127.0.0.1:8000") as client:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for _ in range(requests):
                request, start = hostile_request(rng), time.process_time()
                answer = client.request(**request)
                took = time.process_time() - start
                answers[answer.status_code] += 1
                assert answer.status_code in (503, *range(500)), (request, answer.text)
                assert "Traceback" not in answer.text, request
                if took > slowest:
                    slowest, told = took, f"{request['method']} {request['url'][:40]}"
        outside = [path.name for path in Path(folder).iterdir() if path != reports]
        assert not outside, outside
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{requests:,} requests: {dict(sorted(answers.items()))}")
    print(f"slowest {slowest:.2f} s of processor time ({told}); memory at most {more:,.0f} MB more")


if __name__ == "__main__":
    main(int((*sys.argv, "1500")[1]))
