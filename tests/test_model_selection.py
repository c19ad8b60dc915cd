"""Arrays as scikit-learn has them, and criteria that it can choose a model by."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV, KFold, cross_validate

import faceaudit as fa
from faceaudit.errors import FaceAuditError
from faceaudit.model_selection import (
    gap_scorer,
    gap_upper_bound,
    worst_group_error,
    worst_group_scorer,
)

pd = pytest.importorskip("pandas")
N = 1200


@pytest.fixture
def drawn():
    """Labels, scores and features; women's photographs are called AI more often."""
    random = np.random.default_rng(3)
    y_true = random.integers(0, 2, N)
    features = pd.DataFrame(
        {"gender": random.choice(["female", "male"], N), "hat": random.choice(["yes", "no"], N)}
    )
    lift = 0.15 * (features.gender == "female")
    y_score = np.clip(0.5 * y_true + 0.25 + lift + random.normal(0, 0.2, N), 0, 1)
    return y_true, y_score.to_numpy(), features


def audit(y_true, y_score, features, **limits):
    spec = {"attributes": [*features], "checks": ["group-error-rates", "equalized-odds-gap"]}
    spec["limits"] = {"fpr_gap": None, "fnr_gap": None} | limits
    return fa.audit(None, spec, y_true=y_true, y_score=y_score, sensitive_features=features)


# --- arrays ----------------------------------------------------------------------------------


def test_one_is_ai_as_the_positive_class_is(drawn):
    y_true, y_score, features = drawn
    result = audit(y_true, y_score, features)
    rows = result.groups.set_index(["tag", "group", "rate"])
    for group in ("female", "male"):
        of = (features.gender == group).to_numpy()
        (tn, fp), (fn, tp) = confusion_matrix(y_true[of], y_score[of] >= 0.5)
        assert tuple(rows.loc["gender", group, "fpr"][["errors", "n"]]) == (fp, fp + tn)
        assert tuple(rows.loc["gender", group, "fnr"][["errors", "n"]]) == (fn, fn + tp)
    ones = int(y_true.sum())
    told = f"Labels: y_true 1 ({ones:,} of 1,200 rows) is read as AI-generated, the positive class"
    assert any(note.startswith(told) for note in result.limitations)


@pytest.mark.parametrize(
    "spelt",
    [
        lambda y: y == 1,
        lambda y: 2 * y - 1,
        lambda y: y.astype(float),
        lambda y: np.where(y, "fake", "real"),
        lambda y: [*map(int, y)],
        lambda y: pytest.importorskip("polars").Series(y),
    ],
)
def test_labels_may_be_spelt_in_several_ways(drawn, spelt):
    y_true, y_score, features = drawn
    assert audit(spelt(y_true), y_score, features).groups.equals(audit(*drawn).groups)


def test_another_label_may_be_the_positive_one(drawn):
    y_true, y_score, features = drawn
    given = {"y_score": y_score, "sensitive_features": features}
    zero = fa.audit(spec=["gender"], y_true=1 - y_true, pos_label=0, **given)
    named = fa.audit(spec=["gender"], y_true=np.where(y_true, "b", "a"), pos_label="b", **given)
    assert zero.groups.equals(named.groups)
    assert zero.groups.equals(audit(y_true, y_score, features[["gender"]]).groups)


def test_hard_labels_are_as_good_as_scores_at_one_threshold(drawn):
    y_true, y_score, features = drawn
    spec = {"attributes": ["gender"], "checks": ["group-error-rates"]}
    given = {"y_true": y_true, "sensitive_features": features}
    hard = fa.audit(spec=spec, y_pred=(y_score >= 0.5).astype(int), **given)
    assert hard.groups.equals(fa.audit(spec=spec, y_score=y_score, **given).groups)
    assert any(note.startswith("Scores: made of y_pred") for note in hard.limitations)


@pytest.mark.parametrize(
    "form",
    [
        lambda f: f.gender,
        lambda f: {"gender": f.gender.tolist()},
        lambda f: pytest.importorskip("polars").from_pandas(f[["gender"]]),
        lambda f: f[["gender"]].to_numpy(),
        lambda f: f.gender.tolist(),
    ],
)
def test_sensitive_features_come_in_many_forms(drawn, form):
    y_true, y_score, features = drawn
    result = fa.audit(y_true=y_true, y_score=y_score, sensitive_features=form(features))
    (tag,) = result.spec["attributes"]
    assert tag in ("gender", "sensitive_feature", "sensitive_feature_0")
    of_table = audit(y_true, y_score, features[["gender"]]).groups
    assert result.groups.value.tolist() == of_table.value.tolist()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda y, s, f: {"y_score": s[1:]},
            "y_true 1,200, y_score 1,199, sensitive_features 1,200",
        ),
        (lambda y, s, f: {"y_score": np.c_[1 - s, s]}, "give the positive class alone: [:, 1]"),
        (lambda y, s, f: {"y_score": 4 * s - 2}, "y_score, row "),
        (lambda y, s, f: {"y_pred": y}, "y_score or y_pred"),
        (lambda y, s, f: {"sensitive_features": None}, "give y_true, sensitive_features"),
        (lambda y, s, f: {"y_true": y + 1}, "the labels are 1, 2; say which"),
        (lambda y, s, f: {"y_true": np.where(y, "b", "a")}, "pos_label='fake'"),
        (lambda y, s, f: {"pos_label": 2}, "pos_label=2: the labels are 0, 1"),
        (lambda y, s, f: {"y_true": [None, *y[1:]]}, "y_true, row 1: the label is missing"),
        (lambda y, s, f: {"y_true": pd.Series(y)[::-1]}, "y_true and sensitive_features have diff"),
        (
            lambda y, s, f: {"sensitive_features": f.assign(label=1)},
            "'label' is a name with a mean",
        ),
        (
            lambda y, s, f: {"sensitive_features": s},
            "none of sensitive_feature makes 2 to 50 groups",
        ),
        (lambda y, s, f: {"scores": "s.csv"}, "but not both"),
    ],
)
def test_what_cannot_be_told_is_refused(drawn, change, told):
    y_true, y_score, features = drawn
    given = {"y_true": y_true, "y_score": y_score, "sensitive_features": features}
    with pytest.raises(FaceAuditError) as refused:
        fa.audit(**given | change(*drawn))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


# --- criteria --------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["fpr", "fnr"])
def test_the_criteria_are_what_an_audit_says(drawn, rate):
    y_true, y_score, features = drawn
    features.loc[::15, "gender"] = None
    groups = audit(*drawn).groups
    worst = worst_group_error(y_true, y_score, sensitive_features=features, rate=rate)
    assert worst == pytest.approx(groups[groups.rate == rate].high.max())
    # Each gap alone, so that it does not share its error with another.
    alone = [
        verdict.worst or verdict.high
        for tag in features
        for check in audit(y_true, y_score, features[[tag]], **{f"{rate}_gap": 0.1}).checks
        for verdict in check.verdicts
    ]
    bound = gap_upper_bound(y_true, y_score, sensitive_features=features, rate=rate)
    assert len(alone) == 2
    assert bound == pytest.approx(max(alone))


def test_small_groups_count_for_nothing(drawn):
    y_true, y_score, features = drawn
    features = features.assign(gender=["other"] * 8 + [*features.gender[8:]])
    given = {"sensitive_features": features, "rate": "fpr"}
    most = worst_group_error(y_true, y_score, **given)
    assert most < worst_group_error(y_true, y_score, small_group=1, **given)
    assert np.isnan(worst_group_error(y_true, y_score, small_group=N, **given))
    assert np.isnan(gap_upper_bound(y_true, y_score, small_group=N, **given))


def test_the_bounds_hold_as_often_as_they_say():
    random = np.random.default_rng(0)
    n, true = 150, np.array([0.10, 0.10, 0.06])
    features = np.repeat(["a", "b", "c"], n)
    below = {"worst": 0, "gap": 0}
    for _ in range(300):
        y_score = (random.random((3, n)) < true[:, None]).ravel().astype(float)
        given = {"sensitive_features": features, "rate": "fpr", "confidence": 0.8}
        below["worst"] += worst_group_error(np.zeros(3 * n), y_score, **given) < 0.10
        below["gap"] += gap_upper_bound(np.zeros(3 * n), y_score, **given) < 0.04
    # Of 300 draws, three standard errors above the stated 10 and 20 per cent.
    assert below["worst"] <= 300 * 0.1 + 3 * np.sqrt(300 * 0.1 * 0.9)
    assert 0 < below["gap"] <= 300 * 0.2 + 3 * np.sqrt(300 * 0.2 * 0.8)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_cross_validation_scores_each_fold_with_its_own_people(drawn, routing):
    y_true, y_score, features = drawn
    X, folds = y_score[:, None], KFold(3, shuffle=True, random_state=0)
    scoring = {"gap": gap_scorer(rate="fnr"), "worst": worst_group_scorer()}
    found = cross_validate(
        LogisticRegression(),
        X,
        y_true,
        scoring=scoring,
        cv=folds,
        params={"sensitive_features": features},
    )
    for i, (train, test) in enumerate(folds.split(X)):
        p = LogisticRegression().fit(X[train], y_true[train]).predict_proba(X[test])[:, 1]
        given = {"sensitive_features": features.iloc[test]}
        assert found["test_gap"][i] == -gap_upper_bound(y_true[test], p, rate="fnr", **given)
        assert found["test_worst"][i] == -worst_group_error(y_true[test], p, **given)


def test_a_search_chooses_the_model_with_the_smaller_gap(drawn, routing):
    y_true, y_score, features = drawn
    # With one column the score follows gender, with the other it does not.
    even = np.clip(y_score - 0.15 * (features.gender == "female").to_numpy(), 0, 1)
    X = np.c_[y_score, even]

    class Column(LogisticRegression):
        def __init__(self, column=0):
            super().__init__()
            self.column = column

        def fit(self, X, y):
            return super().fit(X[:, [self.column]], y)

        def predict_proba(self, X):
            return super().predict_proba(X[:, [self.column]])

    search = GridSearchCV(Column(), {"column": [0, 1]}, scoring=gap_scorer(rate="fpr"), cv=3)
    search.fit(X, y_true, sensitive_features=features[["gender"]])
    assert search.best_params_ == {"column": 1}


def test_a_scorer_says_what_scikit_learn_needs():
    with pytest.raises(FaceAuditError, match=r"set_config\(enable_metadata_routing=True\)"):
        gap_scorer()
    with pytest.raises(FaceAuditError, match="there are fpr, fnr"):
        gap_upper_bound([0, 1], [0.1, 0.9], sensitive_features=["a", "b"], rate="tpr")


@pytest.mark.parametrize(
    ("words", "pos_label"),
    [
        (("real", "ai"), None),
        (("real", "fake"), None),
        (("authentic", "fake"), None),
        ((1, 0), 0),
        (("a", "b"), "b"),
        (("b", "a"), "a"),
    ],
)
def test_a_scorer_takes_the_class_that_is_ai(drawn, routing, words, pos_label):
    y_true, y_score, features = drawn
    X = y_score[:, None]

    def scores(y, **options):
        model = LogisticRegression().fit(X, y)
        scorers = (worst_group_scorer(**options), gap_scorer(rate="fnr", **options))
        return [of(model, X, y, sensitive_features=features) for of in scorers]

    spelt = np.where(y_true, words[1], words[0])
    named = {} if pos_label is None else {"pos_label": pos_label}
    assert scores(spelt, **named) == pytest.approx(scores(y_true))


@pytest.mark.parametrize("rate", ["fpr", "fnr"])
def test_no_model_wins_by_declining(drawn, rate):
    y_true, y_score, features = drawn
    given = {"sensitive_features": features[["gender"]], "rate": rate}
    women = (features.gender == "female").to_numpy()
    wrong = (y_score >= 0.5) != y_true
    bound = worst_group_error(y_true, y_score, **given)
    declined = worst_group_error(y_true, np.where(wrong, np.nan, y_score), **given)
    assert declined == pytest.approx(bound)
    assert worst_group_error(y_true, np.where(women, np.nan, y_score), **given) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 2},
        {"threshold": np.nan},
        {"threshold": "x"},
        {"confidence": 0.5},
        {"confidence": 1},
        {"small_group": 0},
        {"rate": ["fpr"]},
        {"rates": "fpr"},
    ],
)
def test_options_without_sense_are_refused(drawn, routing, options):
    y_true, y_score, features = drawn
    with pytest.raises(FaceAuditError):
        gap_scorer(**options)
    with pytest.raises(FaceAuditError):
        worst_group_error(y_true, y_score, sensitive_features=features, **options)


def test_other_indexes_inside_a_mapping_are_refused(drawn):
    y_true, y_score, features = drawn
    turned = features.gender.iloc[::-1]
    with pytest.raises(FaceAuditError, match="different indexes"):
        fa.audit(y_true=pd.Series(y_true), y_score=y_score, sensitive_features={"g": turned})
    table = {"image": pd.Series(range(N)), "label": y_true, "p_ai": y_score, "g": turned}
    with pytest.raises(FaceAuditError, match="'image' and column 'g' have different indexes"):
        fa.audit(table, ai_label=1)


def test_a_feature_may_be_called_nought(drawn):
    y_true, y_score, features = drawn
    named = features.gender.rename(0)
    result = fa.audit(y_true=y_true, y_score=y_score, sensitive_features=named)
    assert result.spec["attributes"] == ["0"]


def test_what_is_of_no_use_is_refused_in_words(drawn):
    y_true, y_score, features = drawn
    table = features.assign(image=range(N), label=np.where(y_true, "ai", "real"), p_ai=y_score)
    result = fa.audit(table, ["gender"])
    assert fa.gate(result, undecided=3).code == fa.gate(result, undecided="3").code
    for refused in (
        lambda: fa.audit(table, ["gender"], score_is="foo"),
        lambda: fa.audit(table, name=5),
        lambda: fa.audit(table, mapping=["a"]),
        lambda: fa.compare(table, table, names=[1, 2]),
        lambda: fa.gate(result, undecided="x"),
        lambda: fa.gate(None),
        lambda: result.svg(3),
        lambda: result.svg("fpr", by=3),
    ):
        with pytest.raises(FaceAuditError):
            refused()
