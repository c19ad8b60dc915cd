"""A program that dies at a chosen call, as whoever is killed between two does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Deaths:
    """Lets as many calls pass as are `left`; at the next one, `SystemExit` is raised."""

    left = 0

    def at(self, of: Callable[..., Any]) -> Callable[..., Any]:
        """Count the calls of a function."""

        def call(*given: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise SystemExit
            return of(*given, **options)

        return call
