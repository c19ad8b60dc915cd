"""Delivery shortcut: how much do delivery facts alone, without a look at a face, give away?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceaudit import wording as say
from faceaudit.checks import AuditInput, Check, Options, Product
from faceaudit.error_rates import ERROR_RATES, ErrorRate
from faceaudit.layout import by_rows, forest, lay_out
from faceaudit.result import Finding, Forest, Interval, Table
from faceaudit.schema import DELIVERY_COLUMNS, PIXEL_COLUMNS, called_ai
from faceaudit.stats import FloatArray, IntArray
from faceaudit.stats.cross_validation import (
    cross_validated_auc,
    deal,
    even_sample,
    foretold,
    foretold_by_step,
)
from faceaudit.stats.delivery import beside, facts_of
from faceaudit.stats.ranking import Auc

FACTS = {
    "jpeg_table": "JPEG table",
    "chroma_subsampling": "chroma subsampling",
    "colour_mode": "colour mode",
    "format": "file type",
    "pixels": "number of pixels",
    "aspect": "aspect ratio",
    "bytes": "file size",
    "laplacian_sd": "sharpness",
    "high_frequency": "high frequencies",
    "noise_sd": "noise",
    "mean_luma": "brightness",
    "border_sd": "evenness of the border",
    "corners_sd": "evenness of the background",
}
COLUMNS, TABLE = (*DELIVERY_COLUMNS, *PIXEL_COLUMNS), FACTS["jpeg_table"]
ALL, FILE, NEW = "all facts", "facts of the file", "all facts, sets left out"
#: Images that a rule is learned and tried on at most, and of either kind at least.
MOST, FEWEST = 3_000, 20
#: Steps of a number; of a word that fewer images have nothing is learned.
STEPS, FEWEST_IMAGES = 16, 10
#: Facts of JPEG files alone; the largest share of images of which a fact may not be known.
OF_JPEG, MOST_UNKNOWN = ("jpeg_table", "chroma_subsampling"), 0.05
#: Sets that are told apart, the largest: the others go together. Tags that are looked at.
MOST_SETS, MOST_TAGS, OTHERS = 24, 6, "all others"
#: An AUC that is surely higher is called a coincidence of delivery and label, or group.
COINCIDE = 0.95
Mask = NDArray[np.bool_]


class Sample:
    """Images drawn evenly from strata, the facts that differ between them, and their folds.

    `among` marks the images that are drawn from, `stratum` numbers all; `columns` are the facts.
    """

    def __init__(
        self, data: AuditInput, among: Mask, stratum: IntArray, columns: Sequence[str] = COLUMNS
    ) -> None:
        random, rows = np.random.default_rng(0), np.flatnonzero(among)
        stratum = np.unique(stratum[rows], return_inverse=True)[1]
        drawn = even_sample(stratum, MOST, random)
        self.rows, self.confidence = rows[drawn], data.spec.confidence
        self.cluster = self.rows if data.clusters is None else data.clusters[self.rows]
        self.fold = deal(stratum[drawn], self.cluster, random)
        table = data.table.take(pa.array(self.rows))
        no_jpeg = np.zeros(len(table), bool)
        if "format" in table.column_names:
            no_jpeg = np.asarray(pc.fill_null(pc.not_equal(table["format"], "JPEG"), False))
        self.facts = []
        for fact in facts_of(table, columns):
            # A file of another type has no such table; else it is not known, which is no delivery
            # and must tell nothing: drawn from the others, or the fact is left out.
            unknown = np.isnan(fact.values) & ~(no_jpeg & (fact.name in OF_JPEG))
            steps = fact.in_steps(STEPS, FEWEST_IMAGES)
            known = steps.values[~unknown]
            if unknown.mean() <= MOST_UNKNOWN and known.min() < known.max():
                steps.values[unknown] = random.choice(known, int(unknown.sum()))
                self.facts.append(steps)

    def auc(self, score: FloatArray, positive: Mask, equal: IntArray) -> Auc:
        """Say how well a rule foretells, among images of one number; of a negative one: none."""
        of = equal >= 0
        return cross_validated_auc(
            score[of], positive[of], self.fold[of], equal[of], self.cluster[of], self.confidence
        )

    def alone(self, positive: Mask, equal: IntArray) -> dict[str, Auc]:
        """Say how well each fact alone foretells, the best first."""
        of, score, found = equal >= 0, np.zeros(len(equal)), {}
        for fact in self.facts:
            score[of] = foretold_by_step(fact.values[of], positive[of], self.fold[of])
            found[FACTS.get(fact.name, fact.name)] = self.auc(score, positive, equal)
        return dict(sorted(found.items(), key=lambda one: -one[1].value[0]))

    def foretell(
        self, positive: Mask, equal: IntArray, score: FloatArray | None = None
    ) -> dict[str, Auc]:
        """Say how well all facts foretell, those of the file, and each alone, the best first."""
        of_file, by = [of for of in self.facts if of.name not in PIXEL_COLUMNS], {}
        for name, facts in ((ALL, self.facts), (FILE, of_file)):
            if facts and (name == ALL or len(facts) < len(self.facts)):
                if score is None or name == FILE:
                    score = foretold(beside(facts), positive.astype(np.int64), self.fold)[:, -1]
                by[name] = self.auc(score, positive, equal)
        return by | self.alone(positive, equal)


class Foretold(NamedTuple):
    """What the facts may foretell, of which images, and how well they do."""

    title: str
    #: As in "tell who is called AI-generated", and of which images.
    words: str
    images: str
    n: int
    by: dict[str, Auc]
    tags: tuple[str, ...] = ()
    rate: str | None = None

    @property
    def known(self) -> bool:
        """Whether images could be compared."""
        return bool(np.isfinite(self.by[ALL].value[0]))

    @property
    def best(self) -> str:
        """The fact that does best alone."""
        return next(name for name in self.by if name not in (ALL, FILE, NEW))

    def finding(self, confidence: float) -> Finding:
        """Say it in a sentence."""
        found = _interval(self.by[ALL], confidence)
        told = f"AUC {_range(found)}, where 0.5 is chance ({self.images})"
        sentence = f"Delivery facts are not shown to {self.words}: {told}."
        if found.low > 0.5:
            best = f"best alone: {self.best} ({self.by[self.best].value[0]:.3f})"
            sentence = f"Delivery facts alone {self.words} with {told}; {best}."
        return Finding(
            sentence=sentence,
            status="info",
            weight=max(0.0, found.low - 0.5) / (2 if self.tags else 1),
            tags=list(self.tags),
            rate=self.rate,
            n=self.n,
            interval=found,
        )


def run(data: AuditInput, options: Options) -> Product:
    """Learn label, calls, errors and groups from delivery facts, and try the rules on others."""
    is_ai = data.images.is_ai
    if min(is_ai.sum(), (~is_ai).sum()) < FEWEST:
        few = f"It takes {FEWEST} real photographs and as many AI-generated faces to tell."
        return Product("not-estimable", few)
    source, names = _sources(data)
    sample = Sample(data, np.ones(len(is_ai), bool), source)
    if not sample.facts:
        return Product("info", "All pictures were delivered alike, as far as is known.")
    ai, of = is_ai[sample.rows], source[sample.rows]
    chance, together = foretold(beside(sample.facts), of, sample.fold), np.zeros_like(of)
    label = Foretold(
        "Delivery facts against the label",
        "tell AI-generated faces from real photographs",
        f"{(~ai).sum():,} real, {ai.sum():,} AI-generated",
        len(ai),
        sample.foretell(ai, together, chance[:, np.unique(of[ai])].sum(axis=1)),
    )
    if new := _sets_left_out(sample, ai, of):
        label.by[NEW] = new
    called = called_ai(data.images.score[sample.rows], data.threshold)
    calls = Foretold(
        "Delivery facts against the calls",
        "tell what is called AI-generated",
        f"{called.sum():,} of {len(called):,}",
        len(called),
        sample.foretell(called, together),
    )
    asked = [of for of in (label, calls, *_errors(data, source)) if of.known]
    if label not in asked:
        return Product("not-estimable", "Too few images stand alone to learn from some of them.")
    groups = [of for of in _groups(data) if of.known]
    # What sentences say holds together.
    said = len(asked) + len(groups) + (new is not None)
    confidence = 1 - (1 - data.spec.confidence) / said
    findings = [one.finding(confidence) for one in asked]
    findings[0].sentence += _on_sets_left_out(new, confidence)
    findings += [one.finding(confidence) for one in _most_unlike(groups).values()]
    return Product(
        "info",
        findings[0].sentence,
        findings=findings,
        details=[
            *(_forest(one, data) for one in asked),
            _pairs(sample, chance, of, ai, names),
            _by_group(groups),
        ],
        limitations=[*_coincidences(label, groups, confidence)],
    )


# --- what is asked -------------------------------------------------------------------------


def _sources(data: AuditInput) -> tuple[IntArray, list[str]]:
    """Number the sets that images come from, those of each label apart, and name them.

    That is an AI-generated face's generator, where it is known, and else the data set.
    """
    is_ai = data.images.is_ai
    code, names = data.images.codes("dataset")
    if "generator" in data.table.column_names:
        generator, more = data.images.codes("generator")
        code = np.where(is_ai & (generator >= 0), len(names) + generator, code)
        names = [*names, *more]
    sets, code = np.unique(code + len(names) * is_ai, return_inverse=True)
    rare = np.argsort(np.argsort(-np.bincount(code), kind="stable")) >= MOST_SETS
    code = np.where(rare[code], len(sets) + is_ai, code)
    return code, [*(names[i % len(names)] for i in sets), OTHERS, OTHERS]


def _sets_left_out(sample: Sample, ai: Mask, of: IntArray) -> Auc | None:
    """Learn the label from some sets and try it on the others; None with one set of a label.

    An AUC lies between 0 and 1, where nothing varies more than a trial with that chance: each part
    that is left out counts as one trial, whatever its images are.
    """
    sets = np.unique(of[~ai]), np.unique(of[ai])
    if (parts := min(map(len, sets))) < 2:
        return None
    part = np.where(ai, np.searchsorted(sets[1], of), np.searchsorted(sets[0], of)) % parts
    score = foretold(beside(sample.facts), ai.astype(np.int64), part)[:, 1]
    found = cross_validated_auc(score, ai, part, np.zeros_like(of), sample.cluster)
    return Auc.of(found.value, found.variance, np.array([1.0 * parts]), sample.confidence)


def _errors(data: AuditInput, source: IntArray) -> Iterator[Foretold]:
    """Ask which images of one set are called wrongly: sets differ in more than their delivery."""
    for rate in ERROR_RATES.values():
        sample = Sample(data, _of(rate, data), 2 * source + data.wrong)
        wrong, of = data.wrong[sample.rows], source[sample.rows]
        both = np.isin(of, np.intersect1d(of[wrong], of[~wrong]))
        some, n = int((wrong & both).sum()), int(both.sum())
        if min(some, n - some) >= FEWEST and sample.facts:
            yield Foretold(
                f"Delivery facts against the errors: {rate.images} {rate.error}",
                f"tell which {rate.images} of a data set are {rate.error}",
                f"{some:,} of {n:,}",
                n,
                sample.foretell(wrong, np.where(both, of, -1)),
                rate=rate.id,
            )


def _groups(data: AuditInput) -> Iterator[Foretold]:
    """Ask by which tags the files of the groups differ; pixels go with skin, hair and light too."""
    tags = [of for of in data.spec.attributes if of not in ("dataset", *DELIVERY_COLUMNS)]
    rates = [of for of in ERROR_RATES.values() if data.spec.rate in (None, of.id)]
    for tag, rate in product(tags[:MOST_TAGS], rates):
        group, names = data.images.codes(tag)
        n = np.bincount(group[_of(rate, data) & (group >= 0)], minlength=len(names))
        large = np.flatnonzero(n >= max(FEWEST, data.spec.small_group))
        if len(large) < 2:
            continue
        sample = Sample(data, _of(rate, data) & np.isin(group, large), group, DELIVERY_COLUMNS)
        if not sample.facts:
            continue
        code = np.searchsorted(large, group[sample.rows])
        chance, together = foretold(beside(sample.facts), code, sample.fold), np.zeros_like(code)
        for i, of in enumerate(large):
            yield Foretold(
                names[of],
                f"tell {say.tag_title(tag)} '{names[of]}' from the others by their files",
                f"{n[of]:,} {rate.images}",
                int(n[of]),
                {ALL: sample.auc(chance[:, i], code == i, together)}
                | sample.alone(code == i, together),
                (tag,),
                rate.id,
            )


def _of(rate: ErrorRate, data: AuditInput) -> Mask:
    """Mark the images that an error rate is of."""
    if rate.label is None:
        return np.ones(len(data.images), bool)
    return np.asarray(data.images.is_ai == (rate.label == "ai"))


# --- how it is told ------------------------------------------------------------------------

_AUC = "AUC:number; from:number; to:number"
_EACH = "Intervals hold each on its own."


def _interval(auc: Auc, confidence: float) -> Interval:
    value, low, high = _ends(auc.at(confidence))
    return Interval(value=value, low=low, high=high, confidence=confidence, together=True)


def _ends(auc: Auc) -> list[float]:
    return [float(of[0]) for of in (auc.value, auc.low, auc.high)]


def _range(found: Interval) -> str:
    title = say.interval_title(found.confidence)
    return f"{found.value:.3f} ({title} {found.low:.3f} to {found.upper:.3f})"


def _on_sets_left_out(new: Auc | None, confidence: float) -> str:
    if new is None:
        return " One label has one data set alone: it may be that set that the facts tell."
    found = _interval(new, confidence)
    sure = "" if found.low > 0.5 else "; chance alone could explain that"
    return (
        f" With data sets of each label left out of learning, in {new.trials[0]:.0f} parts, it is "
        f"{_range(found)}{sure}."
    )


def _most_unlike(groups: Sequence[Foretold]) -> dict[str, Foretold]:
    """Give the group of each tag whose files are told best from those of the others."""
    best: dict[str, Foretold] = {}

    def surely(of: Foretold) -> float:
        # Of two groups each is told as well as the other, up to what a machine rounds.
        return round(float(of.by[ALL].low[0]), 9)

    for of in sorted(groups, key=surely):
        if of.tags[0] not in best or surely(of) > surely(best[of.tags[0]]):
            best[of.tags[0]] = of
    return best


def _coincidences(label: Foretold, groups: Sequence[Foretold], confidence: float) -> Iterator[str]:
    """Say what cannot be held apart here."""
    found = _interval(label.by[ALL], confidence)
    if found.low >= COINCIDE:
        yield (
            "Delivery and label coincide: how pictures were delivered tells AI-generated faces "
            f"from real photographs with AUC {_range(found)}, so a classifier need not look at a "
            "face to be right, and these images cannot show that it does."
        )
    for tag, of in _most_unlike(groups).items():
        found = _interval(of.by[ALL], confidence)
        if found.low >= COINCIDE:
            yield (
                f"Delivery and {say.tag_title(tag)} coincide: how files were saved can "
                f"{of.words} with AUC {_range(found)}, so hardly any were delivered alike, and a "
                "gap between them cannot be called the person's."
            )


def _forest(asked: Foretold, data: AuditInput) -> Forest:
    value, low, high = zip(*map(_ends, asked.by.values()), strict=True)
    return forest(
        data,
        groups=[*asked.by],
        n=[asked.n] * len(value),
        value=value,
        low=low,
        high=high,
        title=asked.title,
        note=_EACH,
        measure="AUC",
        scale="number",
        attribute="delivery facts",
        reference=0.5,
        reference_label="chance",
    )


def _pairs(
    sample: Sample, chance: FloatArray, of: IntArray, ai: Mask, names: Sequence[str]
) -> Table | None:
    """Hold each set of AI-generated faces against each of real photographs."""
    n, rows = np.bincount(of, minlength=len(names)), []
    sets = ([i for i in np.unique(of[kind]) if n[i] >= FEWEST] for kind in (~ai, ai))
    for i, j in product(*sets):
        both = np.where((of == i) | (of == j), 0, -1)
        total = np.maximum(chance[:, i] + chance[:, j], np.finfo(float).tiny)
        auc, alone = sample.auc(chance[:, j] / total, of == j, both), sample.alone(of == j, both)
        best, of_table = next(iter(alone)), _ends(alone[TABLE])[0] if TABLE in alone else None
        sides = names[i], names[j], int(n[i]), int(n[j])
        rows.append((*sides, *_ends(auc), best, _ends(alone[best])[0], of_table))
    columns = (
        f"real photographs; AI-generated faces; real:count; AI:count; {_AUC}; best alone; "
        f"its AUC:number; {TABLE}:number"
    )
    note = "How well delivery facts alone tell the one from the other; 0.5 is chance."
    title = "Each set of AI-generated faces against each of real photographs"
    return lay_out(title, by_rows(rows, columns), note=f"{note} {_EACH}") if rows else None


def _by_group(groups: Sequence[Foretold]) -> Table | None:
    rows = [
        (*map(say.tag_title, of.tags), of.title, of.images, *_ends(of.by[ALL]), of.best)
        for of in groups
    ]
    columns = f"by; group; images; {_AUC}; best alone"
    note = (
        "How well the file's facts tell a group from the others of its tag: where they do, a gap "
        f"may be delivery's. Those of the pixels go with skin, hair and light, too. {_EACH} Of at "
        f"most {MOST_TAGS} tags."
    )
    title = "How files were saved, by group"
    return lay_out(title, by_rows(rows, columns), note=note) if rows else None


CHECK = Check(
    id="delivery-shortcut",
    title="What the pictures' delivery gives away",
    description=(
        "A classifier can be right without looking at a face, if real photographs and AI-generated "
        "faces come in files of other size, compression, sharpness or background. From such "
        "delivery facts alone this learns to tell the label, what is called AI-generated, which "
        "images of a data set are called wrongly, and who is pictured. Of at most "
        f"{MOST:,} images, drawn evenly from the data sets, one half is learned from and the other "
        "tried, in turn. AUC is how often the right one of two images is ranked higher: 0.5 is "
        "chance, 1 is always. File size is that of a pixel, where their number is known. Intervals "
        "in sentences all hold together."
    ),
    run=run,
    concerns=lambda data: (
        bool({*COLUMNS} & {*data.table.column_names})
        and FEWEST <= data.images.is_ai.sum() <= len(data.images) - FEWEST
    ),
)
