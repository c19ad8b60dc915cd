from tests.datasets.planted import plant


def test_folders_videos_and_test_list(tmp_path, indexed):
    names = [
        "Celeb-real/frames/id0_0000/000.png",
        "Celeb-synthesis/frames/id0_id1_0000/000.png",
        "YouTube-real/00170/000.png",
    ]
    root = plant(tmp_path / "Celeb-DF-v2", *names, "Celeb-real/frames/one/000.png", "a/b.png")
    (root / "List_of_testing_videos.txt").write_text(
        "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id0_id1_0000.mp4\n"
        "0 Celeb-real/id0_0000.mp4\n1 Celeb-real/id9_0000.mp4\nnonsense\n"
    )
    run = indexed("celeb-df", root)
    assert run.report.labels == {"real": 2, "ai": 1}
    assert [run.rows[n]["video"] for n in names] == ["id0_0000", "id0_0000", "00170"]
    assert [run.rows[n]["person"] for n in names] == ["id0", "id0", "youtube 00170"]
    assert [run.rows[n]["split"] for n in names] == [None, "test", "test"]
    assert {name: reason for name, (reason, _) in run.rejected.items()} == {
        "Celeb-real/frames/one/000.png": "malformed name of a video",
        "a/b.png": "outside the layout",
    }
    faults = [e.remedy for e in run.ledger if e.reason == "fault in a tag file"]
    assert len(faults) == 2
    assert any("its label 0 contradicts its folder" in fault for fault in faults)
    strangers = [e.file for e in run.ledger if e.reason == "tag without image"]
    assert strangers == ["celeb-real/id9_0000"]


def test_without_the_list(tmp_path, indexed):
    run = indexed("celeb-df", plant(tmp_path / "c", "Celeb-real/id0_0000/1.png"))
    assert run.tags("Celeb-real/id0_0000/1.png") == {"video": "id0_0000", "person": "id0"}
    assert run.ledger == []
