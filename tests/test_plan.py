"""A plan's numbers are those of the verdict that the audit will make."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from click.testing import CliRunner

from faceaudit.cli import main
from faceaudit.errors import FaceAuditError
from faceaudit.plan import plan
from faceaudit.spec import Spec
from faceaudit.stats.gaps import gap_bounds
from faceaudit.stats.power import images_to_fail, images_to_pass

RATES, GROUPS = {"fpr": 0.02, "fnr": 0.06}, {"gender": 2, "race": 5}
COMMAND = ("plan", "--spec", "utkface-demographics", "--groups", "gender=2,race=5")


def spec(**given):
    return Spec(
        **{
            "name": "t",
            "title": "T",
            "question": "?",
            "attributes": ["gender", "race"],
            "limits": {"fpr_gap": 0.05, "fnr_gap": 0.04},
        }
        | given
    )


def test_numbers_are_those_of_the_verdict_at_the_level_of_the_family():
    planned = plan(spec(confidence=0.9), RATES, groups=GROUPS, power=0.7, gap=0.12)
    assert [(p.tags, p.rate, p.groups, p.limit) for p in planned] == [
        (("gender",), "fpr", 2, 0.05),
        (("gender",), "fnr", 2, 0.04),
        (("race",), "fpr", 5, 0.05),
        (("race",), "fnr", 5, 0.04),
    ]
    for p in planned:
        assert p.error == pytest.approx(0.1 / 4)
        rate = RATES[p.rate]
        assert (p.assumed_rate, p.assumed_gap) == (rate, 0.12)
        assert p.to_pass == images_to_pass(p.groups, rate, p.limit, p.error, 0.7)
        assert p.to_fail == images_to_fail(p.groups, rate, 0.12, p.limit, p.error, 0.7)


def test_the_family_is_every_grouping_by_the_rates_that_are_given_and_limited():
    both = [["gender", "race"], ["race", "age_band"]]
    planned = plan(spec(intersections=both), RATES, groups=GROUPS)
    assert [p.groups for p in planned[::2]] == [2, 5, 10, 45]
    assert [p.error for p in planned] == pytest.approx([0.05 / 8] * 8)
    only = plan(spec(intersections=both), {"fpr": 0.02}, groups=GROUPS | {"age_band": 4})
    assert [(p.groups, p.rate) for p in only] == [(of, "fpr") for of in (2, 5, 10, 20)]
    assert [p.error for p in only] == pytest.approx([0.05 / 4] * 4)
    unlimited = spec(limits={"fpr_gap": None, "fnr_gap": 0.05})
    assert {p.rate for p in plan(unlimited, RATES, groups=GROUPS)} == {"fnr"}
    # The slice and the rest of the images are an attribute more.
    assert [p.groups for p in plan(spec(slice="x == 'y'"), {"fpr": 0.02}, groups=GROUPS)][-1] == 2


def test_images_that_hang_together_count_as_what_they_are_worth():
    plain = plan(spec(), RATES, groups=GROUPS)
    tens = plan(spec(), RATES, groups=GROUPS, cluster_size=10, correlation=0.3)
    for one, ten in zip(plain, tens, strict=True):
        assert ten.to_pass == np.ceil(round(one.to_pass * 3.7, 6))
        assert ten.to_fail == np.ceil(round(one.to_fail * 3.7, 6))
    assert plan(spec(), RATES, groups=GROUPS, cluster_size=10) == plain


def test_wrong_tags_leave_less_of_the_limit_and_of_the_gap():
    confusion = {"a": {"a": 0.95, "b": 0.05}, "b": {"b": 0.9, "a": 0.1}}
    for wrong in (0.1, {"a": 0.02, "b": 0.1}, confusion):
        given = spec(intersections=[["gender", "race"]], tag_error={"gender": wrong, "race": 0.05})
        gender, race, both = plan(given, {"fpr": 0.02}, groups=GROUPS, gap=0.1)
        for p, share in ((gender, 0.1), (race, 0.05), (both, 1 - 0.9 * 0.95)):
            seen = 1 - 2 * share
            assert p.to_pass == images_to_pass(p.groups, 0.02, 0.05 * seen, p.error, 0.8)
            assert p.to_fail == images_to_fail(p.groups, 0.02, 0.1 * seen, 0.05, p.error, 0.8)
    hidden, _ = plan(spec(tag_error={"gender": 0.5}), {"fpr": 0.02}, groups=GROUPS)
    assert (hidden.to_pass, hidden.to_fail) == (None, None)


def test_what_no_number_of_images_shows_is_none_and_said():
    nothing = {"fpr_gap": 0.0, "fnr_gap": None}
    (none, _) = plan(spec(limits=nothing), RATES, groups=GROUPS)
    assert (none.to_pass, none.to_fail) == (None, None)
    (some, _) = plan(spec(limits=nothing), RATES, groups=GROUPS, gap=0.05)
    assert some.to_pass is None
    assert some.to_fail == images_to_fail(2, 0.02, 0.05, 0.0, 0.025, 0.8)
    assert {p.to_fail for p in plan(spec(), {"fpr": 0.02}, groups=GROUPS, gap=0.05)} == {None}
    done = CliRunner().invoke(main, [*COMMAND, "--rates", "fpr=0.02", "--gap", "0.04"])
    assert "–: no number of images makes a true gap fail that" in done.stdout


def test_no_group_is_planned_that_would_be_too_small_to_be_judged():
    wide = {"fpr_gap": 0.9, "fnr_gap": None}
    for small in (30, 70):
        planned = plan(spec(limits=wide, small_group=small), RATES, groups=GROUPS, gap=0.95)
        assert {p.to_pass for p in planned} == {small}


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_a_simulated_audit_of_so_many_images_is_decided(rate):
    for p in plan(spec(), {"fpr": rate}, groups=GROUPS):
        assert p.assumed_gap == 2 * p.limit
        random = np.random.default_rng(7)
        rates = np.full(p.groups, rate)
        passed = random.binomial(p.to_pass, rates, (4000, p.groups))
        high = gap_bounds(passed, np.full(passed.shape, p.to_pass), p.error)[1]
        assert np.mean(high <= p.limit) >= 0.78
        rates[0] += p.assumed_gap
        failed = random.binomial(p.to_fail, rates, (4000, p.groups))
        low = gap_bounds(failed, np.full(failed.shape, p.to_fail), p.error)[0]
        assert np.mean(low > p.limit) >= 0.78
        # And no more often, which fewer images would do.
        assert max(np.mean(high <= p.limit), np.mean(low > p.limit)) < 0.83


def test_the_command_prints_a_table_or_json():
    done = CliRunner().invoke(main, [*COMMAND, "--rates", "fpr=0.02, fnr=0.05", "--json"])
    planned = plan("utkface-demographics", {"fpr": 0.02, "fnr": 0.05}, groups=GROUPS)
    assert len(planned) == 10
    assert json.loads(done.stdout) == json.loads(json.dumps([asdict(p) for p in planned]))
    table = CliRunner().invoke(main, [*COMMAND, "--rates", "fpr=0.02,fnr=0.05"]).stdout
    for p in planned:
        (line,) = (
            line
            for line in table.splitlines()
            if line.startswith(" × ".join(p.tags).replace("_", " ") + f", {p.rate.upper()}")
        )
        assert f"{p.to_pass:,}" in line and f"{p.to_fail:,}" in line
    assert "a chosen limit, not a legal test" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rates", "fbr=0.02"], "--rates fbr: no such error rate; there are fpr, fnr"),
        (["--rates", "fpr=2"], "--rates fpr: 2 does not lie between 0 and 1"),
        (["--rates", "fpr=0"], "--rates fpr: 0 does not lie between 0 and 1"),
        (["--rates", "fpr=nan"], "--rates fpr: nan does not lie between 0 and 1"),
        (["--rates", "fpr"], "--rates: 'fpr' is not of the form NAME=NUMBER"),
        (["--rates", "fpr=low"], "--rates: 'fpr=low' is not of the form NAME=NUMBER"),
        (["--rates", "fpr=0.1,fpr=0.2"], "--rates: 'fpr=0.2' is not of the form NAME=NUMBER"),
        (["--rates", ""], "holds no gap of any rate against a limit"),
        (["--groups", "gender=2"], "how many groups 'race' has is not known: --groups race=NUMBER"),
        (["--groups", "hair=2"], "--groups hair: the tags compared are age_band, gender, race"),
        (["--groups", "race=2.5"], "--groups: 'race=2.5' is not of the form NAME=NUMBER"),
        (["--groups", "gender=1,race=5"], "--groups gender: 1 is no number of groups from 2 on"),
        (["--power", "1"], "--power: 1 does not lie between 0 and 1"),
        (["--gap", "-0.1"], "--gap: -0.1 does not lie between 0 and 1"),
        (["--gap", "0.99"], "--gap: no group can be 0.99 above a fpr of 0.02"),
        (["--cluster-size", "0"], "--cluster-size: 0 is no number of images from 1 on"),
        (["--cluster-size", "inf"], "--cluster-size: inf is no number of images from 1 on"),
        (["--correlation", "1.1"], "--correlation: 1.1 is not a number from 0 to 1"),
        (["--spec", "nonsense"], "nonsense: no such specification"),
        (["--spec", "out-of-domain"], "out-of-domain: holds no gap of fpr against a limit"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    done = CliRunner().invoke(main, [*COMMAND, "--rates", "fpr=0.02", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_cannot_be_known_before_there_are_images():
    with pytest.raises(FaceAuditError, match="how often 'second' differs is not known"):
        plan(spec(tag_error={"race": "second"}), RATES, groups=GROUPS)
    with pytest.raises(FaceAuditError, match="holds no gap"):
        plan(spec(checks=["power"]), RATES, groups=GROUPS)
    with pytest.raises(FaceAuditError, match="no number of images has this power for a limit"):
        plan(spec(limits={"fpr_gap": 1e-6}), {"fpr": 0.1}, groups=GROUPS)
