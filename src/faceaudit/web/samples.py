"""The bundled faces, judged once, so that nobody faces an empty page."""

from __future__ import annotations

import threading
from pathlib import Path

from faceaudit import bundled
from faceaudit.web.judging import Judge, Judgement
from faceaudit.web.uploads import Upload, check_picture


class Samples:
    """AI-generated faces, by their file's name.

    Parameters
    ----------
    judge : Judge
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        manifest = bundled.samples_manifest()
        folder = bundled.samples_folder()
        self._paths = {
            Path(name).stem: folder / name for name in manifest.table["image"].to_pylist()
        }
        self._lock = threading.Lock()
        self._judged: dict[str, Judgement] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the samples."""
        return list(self._paths)

    def picture(self, name: str) -> Upload:
        """Return one sample as if it had been uploaded.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        path = self._paths[name]
        return check_picture(path.name, path.read_bytes())

    def verdicts(self, wait: bool = True) -> dict[str, Judgement]:
        """Return the verdicts of all models on all samples.

        Parameters
        ----------
        wait : bool
            Whether to judge them now if nobody has yet, which may load the models; otherwise
            the answer is empty until then.
        """
        if self._judged is None and wait:
            with self._lock:
                if self._judged is None:
                    self._judged = self._judge_all()
        return self._judged or {}

    def _judge_all(self) -> dict[str, Judgement]:
        models = list(self._judge.detectors)
        return {name: self._judge.judge(self.picture(name), models, {}) for name in self._paths}
