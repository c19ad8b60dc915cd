"""The bundled faces, each judged once, so that nobody faces an empty page."""

from __future__ import annotations

from pathlib import Path

from faceaudit import bundled
from faceaudit.web.prediction import Judge, Judgement
from faceaudit.web.uploads import Upload, check_picture


class Samples:
    """AI-generated faces, by their file's name without its ending.

    Parameters
    ----------
    judge : Judge

    Attributes
    ----------
    verdicts : dict of str to Judgement
        Of all models, on the samples that have been judged so far.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        folder = bundled.samples_folder()
        files = bundled.samples_manifest().table["image"].to_pylist()
        self._paths = {Path(name).stem: folder / name for name in files}
        self.verdicts: dict[str, Judgement] = {}

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

    def judge(self, name: str) -> None:
        """Judge one sample with all models, which may load them."""
        models = list(self._judge.detectors)
        self.verdicts[name] = self._judge.judge(self.picture(name), models, {})
