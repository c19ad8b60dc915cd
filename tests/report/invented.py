"""Invented results with every kind of detail. The numbers are drawn, nothing was measured."""

from __future__ import annotations

import random

from faceaudit.result import (
    Answer,
    CheckResult,
    Column,
    Confusion,
    Distribution,
    Estimate,
    FigureAt,
    Finding,
    Forest,
    OverallRate,
    Result,
    SlopeRow,
    Slopes,
    Table,
    Test,
)
from tests.report.invented_details import (
    AGES,
    RACES,
    SOURCE,
    THRESHOLDS,
    curve,
    forest,
    gallery,
    heatmap,
    moved_events,
    summary,
)


def audit(groups: int = 80, thumbnails: int = 48) -> Result:
    """An audit with every kind of detail and an intersection of `groups` groups."""
    rng = random.Random(7)
    crossed = [f"{a} · {g} · {r}" for r in RACES for a in AGES for g in ("female", "male")]
    while len(crossed) < groups:
        crossed.append(f"group {len(crossed) + 1} with a longer name, such as people invent")
    crossed = crossed[:groups]
    checks = [
        CheckResult(
            id="overall",
            part="rates",
            title="The classifier is far from guessing",
            description="Counts of right and wrong answers, beside what a classifier would score "
            "that gives every picture the same answer. Whoever calls everything real treats all "
            "groups alike and finds nothing.",
            status="pass",
            sentence="The classifier is right on 95.2 % of 6,577 images; calling everything real "
            "would be right on 74.9 %.",
            details=[
                Confusion(
                    title="This classifier",
                    real_called_real=4671,
                    real_called_ai=256,
                    ai_called_real=60,
                    ai_called_ai=1590,
                    by_threshold={
                        "called_real": [
                            [4927 - moved_events(256, 4927, t), moved_events(60, 1650, 1 - t)]
                            for t in THRESHOLDS
                        ],
                        "called_ai": [
                            [moved_events(256, 4927, t), 1650 - moved_events(60, 1650, 1 - t)]
                            for t in THRESHOLDS
                        ],
                    },
                ),
                Confusion(
                    title="A constant predictor",
                    note="It calls everything real.",
                    real_called_real=4927,
                    real_called_ai=0,
                    ai_called_real=1650,
                    ai_called_ai=0,
                ),
                Table(
                    title="Overall numbers",
                    note="AUC does not depend on the threshold.",
                    columns=[
                        Column(title="Measure"),
                        Column(title="Value", kind="percent"),
                        Column(title="Pictures", kind="count", help="how many it rests on"),
                        Column(title="Against chance", kind="points"),
                        Column(title="p", kind="p"),
                    ],
                    rows=[
                        ["Accuracy", 0.952, 6577, 0.203, 0.00001],
                        ["False positive rate", 0.052, 4927, -0.011, 0.04],
                        ["False negative rate", None, 0, None, None],
                    ],
                ),
            ],
        ),
        CheckResult(
            id="error-rates-by-group",
            part="rates",
            title="Some groups are wrongly called AI-generated more often than others",
            description="A false positive is a real photograph that the classifier calls "
            "AI-generated. If that happens to some people much more often than to others, they "
            "bear the cost of the classifier’s mistakes.",
            status="fail",
            sentence="Photographs of people aged 70 and over are called AI-generated 12.4 % of "
            "the time, those of people aged 20–29 2.1 %: a gap of 10.3 points (8.1 to 12.6).",
            findings=[],
            tests=[
                Test(
                    name=f"{a}: same false positive rate in all groups",
                    method="chi-squared test of homogeneity",
                    p=p,
                    p_holm=min(1, 3 * p),
                    p_bh=min(1, 2 * p),
                )
                for a, p in [("age_band", 0.00002), ("gender", 0.031), ("race", 0.2)]
            ],
            details=[
                forest("age_band", AGES, rng),
                forest("gender", ["female", "male"], rng),
                forest("age_band × gender × race", crossed, rng),
            ],
        ),
        CheckResult(
            id="missed-fakes-by-group",
            part="rates",
            title="Missed AI faces by group",
            description="A false negative is an AI-generated face that the classifier calls real.",
            status="not-estimable",
            sentence="None of the groups has AI-generated faces with tags.",
            details=[
                Forest(
                    title="AI-generated faces called real, by gender",
                    measure="False negative rate",
                    attribute="gender",
                    rows=[
                        Estimate(group="female", n=0, note="no AI images in this group"),
                        Estimate(group="male", n=0, note="no AI images in this group"),
                    ],
                ),
                Forest(
                    title="Relative risk, by race",
                    measure="Risk ratio",
                    attribute="race",
                    scale="ratio",
                    tag_source=SOURCE,
                    reference=1.0,
                    reference_label="same risk",
                    rows=[
                        Estimate(group="White", n=700, value=1.0, low=0.8, high=1.3),
                        Estimate(group="Black", n=300, value=2.6, low=1.4, high=4.9),
                        Estimate(group="Asian", n=200, value=0.4, low=0.2, high=0.9),
                    ],
                ),
            ],
        ),
        CheckResult(
            id="intersections",
            part="combined",
            title="Two attributes at once",
            description="Groups that look fine one at a time can hide a combination that does not.",
            status="insufficient-evidence",
            sentence="The widest gap between two cells is 18 points, and could be 3 or 31.",
            details=[heatmap(rng)],
        ),
        CheckResult(
            id="thresholds",
            part="specialist",
            title="What another threshold would change",
            description="A higher threshold accuses fewer real people and misses more AI faces.",
            status="info",
            sentence="At 0.5 the classifier accuses 5.2 % of real photographs.",
            details=[curve(rng), curve(rng, tuple(AGES))],
        ),
        CheckResult(
            id="score-distributions",
            part="why",
            title="How sure the classifier is",
            description="Scores near 0 or 1 are confident answers.",
            status="info",
            sentence="92 % of all scores lie below 0.1 or above 0.9.",
            details=[
                Distribution(
                    title="Scores of real photographs, by gender",
                    x_title="Score",
                    edges=[i / 20 for i in range(21)],
                    series={
                        "female": [0.82] + [0.005] * 18 + [0.09],
                        "male": [0.88] + [0.004] * 18 + [0.048],
                    },
                    n={"female": 2400, "male": 2527},
                    marker=0.5,
                    marker_label="Threshold in force",
                )
            ],
        ),
        CheckResult(
            id="top-losses",
            part="pictures",
            title="The most confident mistakes",
            description="Looking at single pictures shows what no rate can.",
            status="info",
            sentence="The 48 real photographs with the highest scores.",
            details=[gallery(thumbnails, rng)],
        ),
    ]
    findings = [
        Finding(
            sentence="Photographs of people aged 70 and over are called AI-generated 12.4 % of "
            "the time (9.8 to 15.6), of people aged 20–29 2.1 % (1.4 to 3.2).",
            status="fail",
            check="error-rates-by-group",
            weight=3,
        ),
        Finding(
            sentence="Women are called AI-generated 1.4 points more often than men (0.3 to 2.5); "
            "the limit is 5 points.",
            status="pass",
            check="error-rates-by-group",
            weight=2,
        ),
        Finding(
            sentence="For combinations of race and age the widest gap is 18 points (3 to 31): "
            "about 600 more photographs a cell would settle it.",
            status="insufficient-evidence",
            check="intersections",
            weight=1,
        ),
        Finding(sentence="AUC is 98.7 % (98.4 to 99.0).", status="info", check="overall"),
    ]
    return Result(
        kind="audit",
        created="2025-03-01T12:00:00+00:00",
        name="utkface-demographics",
        title="Who is called AI-generated? UTKFace by age, gender and race",
        question="Does the classifier wrongly accuse photographs of some people more often than "
        "those of others?",
        status="fail",
        verdict="Older people are wrongly called AI-generated far more often than younger ones: "
        "the gap between age groups is 10.3 points (8.1 to 12.6), the chosen limit is 5.",
        findings=findings,
        limitations=[
            "UTKFace holds real photographs only: missed AI faces cannot be measured by group.",
            "11 of 99 groups have fewer than 30 photographs; their intervals are wide.",
            "Photographs of children come from other websites than those of adults: what looks "
            "like age may be compression.",
        ],
        scores=[summary("efficientnet-lite0 with FFHQ")],
        thresholds=THRESHOLDS,
        checks=checks,
        spec={
            "name": "utkface-demographics",
            "attributes": ["age_band", "gender", "race"],
            "limits": {"fpr_gap": 0.05, "fnr_gap": None},
            "confidence": 0.95,
        },
        versions={"python": "3.11.2", "faceaudit": "0.1.0"},
    )


def answered(check: int = 1, detail: int = 2) -> Result:
    """The audit with an answer, and a figure of 80 groups on its first screen."""
    result = audit()
    return result.model_copy(
        update={
            "verdict": "Photographs of people aged ‘70 and over’ are called AI-generated six times "
            "as often as ‘20–29’: 12.4 % against 2.1 %. Your limit is 5.",
            "answer": Answer(
                rate="fpr",
                tags=["age_band"],
                overall=[
                    OverallRate(rate="fpr", n=4927, events=256, low=0.046, high=0.059),
                    OverallRate(rate="fnr", n=1650, events=60, low=0.028, high=0.047),
                ],
                who="By age band ‘70 and over’ (62 of 500) most, ‘20–29’ (19 of 900) least.",
                how_much="Age band: 10.3 points (95 % interval 8.1 to 12.6 points).",
                how_sure="1 of 3 within the limit; beyond it: age band; not settled: race.",
                why="At equal delivery and tags the gap is 9.8 points.",
                figure=FigureAt(check=result.checks[check].id, detail=detail),
            ),
        }
    )


def samples() -> Result:
    """Few AI-generated faces and no question that could be judged."""
    base = audit(9, 4)
    return base.model_copy(
        update={
            "status": "info",
            "verdict": "2 of 30 AI-generated faces are called real.",
            "answer": Answer(
                rate="fnr",
                overall=[OverallRate(rate="fnr", n=30, events=2, low=0.01, high=0.22)],
                figure=FigureAt(check="missed-fakes-by-group", detail=1),
            ),
            "findings": [],
        }
    )


def comparison() -> Result:
    """Two classifiers on the same images."""
    rng = random.Random(3)
    rows = []
    for age in AGES:
        first, second = rng.uniform(0.3, 0.9), rng.uniform(0.02, 0.2)
        rows.append(
            SlopeRow(
                group=age,
                n=rng.randrange(20, 900),
                first=first,
                second=second,
                difference=second - first,
                low=second - first - 0.04,
                high=second - first + 0.04,
                note="small group" if age == "0–2" else None,
            )
        )
    rows.append(
        SlopeRow(group="unknown", n=0, first=None, second=None, note="no photographs with this tag")
    )
    slopes = Slopes(
        title="False positive rate by age band, before and after",
        measure="False positive rate",
        attribute="age_band",
        tag_source=SOURCE,
        first_name="without FFHQ",
        second_name="with FFHQ",
        rows=rows,
    )
    base = audit(9, 0)
    return base.model_copy(
        update={
            "kind": "compare",
            "thresholds": None,
            "title": "What adding FFHQ photographs to the training changed",
            "verdict": "Adding FFHQ photographs lowers wrong accusations in every age group.",
            "status": "info",
            "scores": [summary("without FFHQ"), summary("with FFHQ", n_ai=0)],
            "checks": [
                CheckResult(
                    id="rates-by-group",
                    part="rates",
                    title="Error rates by group, both classifiers",
                    description="Both classifiers saw the same images.",
                    status="info",
                    sentence="Every group’s rate falls.",
                    details=[slopes],
                )
            ],
            "findings": base.findings[:1],
        }
    )


def compared() -> Result:
    """The comparison with an answer."""
    result = comparison()
    answer = Answer(
        who="With FFHQ every age band is accused less often.",
        how_much="From 24 to 71 points fewer.",
        figure=FigureAt(check=result.checks[0].id, detail=0),
    )
    return result.model_copy(update={"answer": answer})
