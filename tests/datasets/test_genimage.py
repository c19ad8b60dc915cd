from tests.datasets.planted import plant


def test_generators_splits_and_labels(tmp_path, indexed):
    expected = {
        "Midjourney/train/ai/1_midjourney_2.png": ("ai", "Midjourney", "train"),
        "Midjourney/train/nature/n01440764_1.JPEG": ("real", None, "train"),
        "sd_v_1_4/imagenet_ai_0419_sdv4/val/ai/000_sdv4_1.png": ("ai", "sd_v_1_4", "val"),
        "imagenet_glide/val/ai/GLIDE_1.png": ("ai", "imagenet_glide", "val"),
        "imagenet_ai/train/ai/x.png": ("ai", None, "train"),
        "my own/VAL/AI/deep/x.png": ("ai", "my own", "val"),
    }
    run = indexed("genimage", plant(tmp_path / "g", *expected))
    found = {
        image: (row["label"], row["generator"], row["split"]) for image, row in run.rows.items()
    }
    assert found == expected and run.ledger == []
    note = run.manifest.info.datasets["genimage"].note
    assert "few of them faces" in note and "generator of 1 of the images" in note


def test_one_generator_and_what_is_no_image_of_it(tmp_path, indexed):
    names = ["train/ai/1.png", "val/nature/2.jpg", "train/ai/nature/3.png", "ai/4.png", "val/5.png"]
    run = indexed("genimage", plant(tmp_path / "g", *names))
    assert {image: row["label"] for image, row in run.rows.items()} == {
        "train/ai/1.png": "ai",
        "val/nature/2.jpg": "real",
    }
    assert {name: reason for name, (reason, _) in run.rejected.items()} == {
        "train/ai/nature/3.png": "labels contradict each other",
        "ai/4.png": "outside the layout",
        "val/5.png": "outside the layout",
    }
