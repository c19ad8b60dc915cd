"""What a classifier's numbers mean is known, or said, and never taken for something else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from faceaudit.errors import FaceAuditError
from faceaudit.scoring.options import ModelOptions
from faceaudit.scoring.outputs import Outputs

LOGITS = np.array([[2.0, -1.0, 0.5], [-3.0, 4.0, 1.0], [0.1, 0.2, 0.3]])
SHARES = softmax(LOGITS, axis=1)


def outputs(classes=None, score_is=None, **options):
    return Outputs("m.onnx", ModelOptions.of(**options), classes, score_is)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize(
    ("options", "wanted", "told"),
    [
        ({"score_is": "probability"}, [0.0, 0.25, 0.5, 1.0], "probability of AI-generated"),
        ({"score_is": "p-real"}, [1.0, 0.75, 0.5, 0.0], "p-real of photographs"),
        ({"score_is": "probability", "ai_class": "0"}, [1.0, 0.75, 0.5, 0.0], "of photographs"),
        ({"score_is": "probability", "ai_class": "1"}, [0.0, 0.25, 0.5, 1.0], "of AI-generated"),
        ({"score_is": "percent"}, [0.0, 0.0025, 0.005, 0.01], "percent of AI-generated"),
        ({"score_is": "logit"}, expit([0, 0.25, 0.5, 1]), "logit of AI-generated"),
        ({"score_is": "logit", "ai_class": "0"}, expit([0, -0.25, -0.5, -1]), "of photographs"),
    ],
)
def test_one_number_is_what_it_is_said_to_be(shape, options, wanted, told):
    found = outputs(**options)
    p_ai = found.p_ai(np.array([0, 0.25, 0.5, 1]).reshape(shape))
    assert p_ai.shape == (4,) and p_ai.dtype == np.float32
    np.testing.assert_allclose(p_ai, wanted, atol=1e-7)
    assert told in found.notes[0] and len(found.notes) == 1


def test_p_real_of_class_0_is_not_turned_twice():
    # Both say the same: that the number speaks for photographs.
    assert outputs(score_is="p-real", ai_class="0").p_ai([0.9]) == pytest.approx([0.1])


@pytest.mark.parametrize("raw", [LOGITS, SHARES, 100 * SHARES])
def test_several_generators_add_up(raw):
    said = {"score_is": "percent"} if raw.max() > 50 else {}
    for classes, ai in ((["real", "g3", "sd"], [1, 2]), (["g3", "Real", "sd"], [0, 2])):
        found = outputs(classes, **said)
        np.testing.assert_allclose(found.p_ai(raw), SHARES[:, ai].sum(axis=1), atol=1e-6)
    one = outputs(["a", "b", "c"], ai_class="b", **said)
    np.testing.assert_allclose(one.p_ai(raw), SHARES[:, 1], atol=1e-6)
    assert "'b' was taken as AI-generated" in one.notes[0]


@pytest.mark.parametrize("raw", [LOGITS[:, :2], softmax(LOGITS[:, :2], axis=1)])
def test_two_classes_in_either_order(raw):
    wanted = softmax(LOGITS[:, :2], axis=1)
    np.testing.assert_allclose(outputs(["real", "fake"]).p_ai(raw), wanted[:, 1], atol=1e-6)
    np.testing.assert_allclose(outputs(["fake", "real"]).p_ai(raw), wanted[:, 0], atol=1e-6)
    np.testing.assert_allclose(outputs(ai_class="1").p_ai(raw), wanted[:, 1], atol=1e-6)


def test_what_the_first_pictures_settle_holds_for_all():
    found = outputs(["real", "fake"])
    found.p_ai([[0.3, 0.7], [0.9, 0.1]])
    with pytest.raises(FaceAuditError, match="gives 2, which is no probability between 0 and 1"):
        found.p_ai([[2.0, -1.0]])
    with pytest.raises(FaceAuditError, match="gave 2 numbers a picture, and now 3"):
        found.p_ai([[0.2, 0.3, 0.5]])
    sharp = outputs(["real", "fake"])
    sharp.p_ai([[-2.0, 3.0], [1.0, 0.0]])  # the second alone would pass for shares
    assert sharp.p_ai([[1.0, 0.0]]) == pytest.approx([expit(-1)])


def test_rounding_does_not_make_a_probability_too_large():
    found = outputs(["real", "a", "b"], score_is="probability")
    assert found.p_ai([[0.0, 0.5001, 0.5001]]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("made", "raw", "told"),
    [
        (outputs(), [0.2, 0.9], r"one number a picture \(here 0.2 to 0.9\); say what it is: --sco"),
        (outputs(score_is="probability"), [1.5], "gives 1.5, which is no probability"),
        (outputs(score_is="percent"), [101.0], "gives 101, which is no percent between 0 and 100"),
        (outputs(score_is="logit", ai_class="2"), [1.5], "--ai-class 2: the model gives one"),
        (outputs(), [[1.0, 2.0]], "the classes are '0', '1', and nothing says"),
        (outputs(["a", "b"]), [[1.0, 2.0]], "--ai-class a or --ai-class b"),
        (outputs(["real", "ai"]), [[1.0, 2.0, 3.0]], "3 numbers a picture, but names 2 classes"),
        (
            outputs(["real", "ai"]),
            [[0.5, 0.4], [0.9, 0.9]],
            "that neither sum to 1 nor .* --score-is",
        ),
        (outputs(score_is="logit"), np.ones((2, 3, 4)), r"an output of shape \(2, 3, 4\) for 2"),
        (outputs(score_is="logit"), np.ones((2, 0)), r"shape \(2, 0\)"),
    ],
)
def test_what_is_not_known_is_asked_for(made, raw, told):
    with pytest.raises(FaceAuditError, match=told):
        made.p_ai(np.asarray(raw))


def test_independent_labels_are_no_logits_once_said():
    found = outputs(["real", "ai"], score_is="probability")
    assert found.p_ai([[0.9, 0.9], [0.2, 0.1]]) == pytest.approx([0.9, 0.1])


@pytest.mark.parametrize(
    ("classes", "ai_class", "expected"),
    [
        (["fake", "real"], (), 0.1),  # as folders in the order of the alphabet
        (["real", "fake"], (), 0.9),
        (["real"], (), 0.1),
        (["fake"], (), 0.9),
        (["left", "right"], ("left",), 0.1),
        (["left", "right"], ("right",), 0.9),
    ],
)
def test_one_number_of_named_classes_speaks_for_the_last_of_them(classes, ai_class, expected):
    read = Outputs("m", ModelOptions(ai_class=ai_class, score_is="probability"), classes)
    assert read.p_ai([0.9]) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("given", "score_is", "own", "message"),
    [
        ([[0.2, 0.8]], "p-real", None, "not the one that --score-is p-real says"),
        ([[0.2, 0.8]], "percent", None, "sum to 1, not 100"),
    ],
)
def test_several_numbers_that_are_no_shares_are_refused(given, score_is, own, message):
    read = Outputs("m", ModelOptions(score_is=score_is), ["real", "fake"], own)
    with pytest.raises(FaceAuditError, match=message):
        read.p_ai(given)
