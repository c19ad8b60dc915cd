"""Every word that reports add of their own, in one place, so that it can be translated.

Sentences about the numbers come with the result; these are the frame around them.
"""

from __future__ import annotations

LANGUAGE = "en"

#: The words for a status and the name of its shape in the templates: never colour alone.
STATUS: dict[str, dict[str, str]] = {
    "pass": {"word": "Pass"},
    "fail": {"word": "Fail"},
    "insufficient-evidence": {"word": "Not enough evidence"},
    "not-estimable": {"word": "Not estimable"},
    "info": {"word": "For information"},
}

KIND = {"audit": "Audit", "compare": "Comparison", "study": "Study"}

#: Stands wherever a limit does.
NOT_LEGAL = "not a legal test"

TEXT: dict[str, str] = {
    # The page
    "skip": "Skip to the answer",
    "made_with": "Made with faceaudit",
    "contents": "Contents",
    "answer": "The answer",
    "what_was_audited": "What was audited",
    "question": "The question",
    "judged": "What was judged",
    "baseline": "In the baseline",
    "gap": "Gap",
    "findings": "What was found",
    "more_findings": "More findings: {n}",
    "see_check": "See the evidence",
    "limitations": "What these data cannot tell",
    "more_limitations": "More limits of the data: {n}",
    "checks": "Checks",
    "check": "Check",
    "appendix": "Appendix",
    "link_here": "Link to this section",
    "top": "Back to the top",
    # Facts
    "classifier": "Classifier",
    "classifiers": "Classifiers",
    "data": "Data",
    "more_data": "and {n} more",
    "n_real": "Real photographs",
    "n_ai": "AI-generated faces",
    "threshold": "Threshold",
    "thresholds": "Thresholds",
    "between": "{low} to {high}",
    "threshold_help": "a score of {threshold} or more is called AI-generated",
    "no_ai": "none: missed AI faces cannot be measured",
    "no_real": "none: wrong accusations cannot be measured",
    "unscored": "{n} without a score ({reasons})",
    "rows": "Rows",
    "brought_scores": "scores brought as a table",
    "created": "made {created}",
    # Figures and tables
    "group": "Group",
    "n": "n",
    "cases": "Cases",
    "low": "Interval, low",
    "high": "Interval, high",
    "status": "Status",
    "note": "Note",
    "image": "Image",
    "dataset": "Data set",
    "difference": "Difference",
    "difference_points": "Difference, in points",
    "interval": "Interval",
    "lines_drawn": "The first {drawn} of {n} lines are drawn; all are below and in the CSV.",
    "line": "Line",
    "points": "The points of the lines",
    "value": "Value",
    "of": "{events} of {n}",
    "to": "to",
    "yes": "yes",
    "no": "no",
    "reference": "reference",
    "reference_of": "{label}: {value} of {n}",
    "limit": "limit",
    "chosen_limit": f"The limit is a chosen limit, {NOT_LEGAL}.",
    "tag_source": "Tags: {source}.",
    "appearance": "Tags are somebody’s estimate of appearance, not who a person is.",
    "not_estimable": "not estimable",
    "shares_scale": "Heights are on a square-root scale, so that rare scores stay visible.",
    "darker": "The darker, the higher.",
    "move_threshold": "Move the threshold",
    "at_threshold": "At threshold {value}",
    "unmoved": "The audited threshold. Move it, and the tables and plots show another one.",
    "reset": "Reset",
    "as_audited": "At the audited threshold:",
    "drawing_needs_script": "The drawing needs JavaScript; the table has its values.",
    "rows_left": "More rows in the HTML report: {n}.",
    # Reading a figure aloud
    "read_range": "{measure} by {attribute}: lowest {low_group} with {low}, "
    "highest {high_group} with {high}.",
    "read_alike": "{measure} by {attribute}: {value} throughout.",
    "read_one": "{measure} by {attribute}: {group} with {value}.",
    "read_none": "{measure} by {attribute}: not estimable for any.",
    "read_missing": "Not estimable for {n}.",
    "read_slopes": "{measure} by {attribute}, {second} minus {first}: from {low} for "
    "{low_group} to {high} for {high_group}.",
    "read_one_slope": "{measure}, {second} minus {first}: {value} for {group}.",
    "read_heatmap": "{measure} for {rows} by {columns}: lowest {low} ({low_pair}), highest {high} "
    "({high_pair}).",
    "read_curve": "{y} against {x} from {first} to {last}: {lines}.",
    "read_curve_over": "{name} from {first} to {last}",
    "read_curve_at": "{name} {value}",
    "read_distribution": "{name}: most often between {low} and {high} ({share}).",
    # Confusion
    "truth": "What the picture is",
    "verdict": "What the classifier said",
    "is_real": "Real photograph",
    "is_ai": "AI-generated",
    "called_real": "called real",
    "called_ai": "called AI-generated",
    "right": "right",
    "wrong": "wrong",
    "of_row": "{share} of the row",
    # Gallery
    "p_ai": "Probability of AI",
    "evidence": "evidence at the {place}",
    "ninths": "top left|top centre|top right|middle left|centre|middle right|bottom left|"
    "bottom centre|bottom right",
    "show_attention": "Show where the evidence lies",
    "attention_note": "Orange is where the classifier found the evidence for its verdict "
    "(Grad-CAM, a few fields over the whole picture). It says where, not what.",
    "no_picture": "Picture not included",
    "no_rows": "Nothing to count here.",
    "no_pictures": "The pictures are not included in this report.",
    "label_real": "real photograph",
    "label_ai": "AI-generated face",
    # Appendix
    "tests": "Significance tests",
    "tests_note": "Tests in this whole report: {n}. Where many questions are asked, some answers "
    "look striking by chance: the adjusted p-values count them all.",
    "tests_here": "Significance tests: {n}, adjusted for as many as this report has ({total})",
    "no_tests": "No significance tests were made.",
    "test": "Test",
    "method": "Method",
    "p": "p",
    "p_holm": "p, Holm",
    "p_bh": "p, Benjamini–Hochberg",
    "rows_account": "Which rows count",
    "fates": "What became of the rows that were read",
    "fate": "What became of them",
    "used": "counted",
    "all_labels": "Together",
    "left_out": "left out, {reason}",
    "untagged": "Audited images without a tag",
    "untagged_note": "Images without a tag are in none of its groups. Where it is missing more "
    "often among the errors than among the others, the rates of its groups are too low; where "
    "less often, too high.",
    "without": "Without it",
    "of_errors": "of the errors",
    "of_others": "of the others",
    "unscored_groups": "Images without a score, by group",
    "no_tag": "without the tag",
    "no_score": "Without a score",
    "label": "Label",
    "share": "Share",
    "provenance": "Where everything comes from",
    "datasets": "Data sets",
    "licence": "Licence",
    "found": "Files found",
    "indexed": "Indexed",
    "rejected": "Rejected",
    "tag": "Tag",
    "whose_word": "Whose word it is",
    "tags": "Tags",
    "model": "Classifier",
    "architecture": "Architecture",
    "sha256": "SHA-256 of the weights",
    "rule": "How the threshold was chosen",
    "training": "Trained on",
    "preprocessing": "Preprocessing",
    "versions": "Software",
    "spec": "The specification that was run",
    "spec_note": "Save it as a YAML file to run the same audit again.",
    "glossary": "Glossary",
    "cite": "How to cite",
    "cite_text": "“{title}”. {kind} “{name}” made on {created} with faceaudit {version}.",
    "cite_note": "Name the data sets, the classifier and the threshold with it: "
    "the numbers hold for these alone.",
    "not_legal": f"An audit measures. Limits in it are chosen limits, {NOT_LEGAL}.",
    "unstated": "not stated",
    # The list of a folder's reports
    "index_title": "Reports",
    "index_count": "Reports in this folder: {n}",
    "index_empty": "No audit.json, compare.json or study.json in this folder yet.",
    "index_unreadable": "Could not be read",
    "no_report": "no report.html beside it",
    "title": "Title",
    "kind": "Kind",
}

#: What the script of the page says.
SCRIPT_TEXT: dict[str, str] = {
    "filter": "Filter rows",
    "filter_label": "Filter the rows of “{title}”",
    "rows": "Rows: {shown} of {all}",
    "csv": "CSV",
    "csv_label": "Download “{title}” as CSV",
    "show_all": "Show all {all} rows",
    "show_all_items": "Show all {all}",
    "show_fewer": "Show fewer",
    "at": TEXT["at_threshold"],
    "at_audited": "At threshold {value}, as audited",
    "threshold": "threshold",
    "unmoved": TEXT["unmoved"],
    "moved": "Instead of the audited {audited}: the tables and plots marked “At threshold {value}” "
    "show this one; verdicts, tests, findings and all the rest stay as audited.",
    "told_moved": "Tables and plots show another threshold than the audited one.",
    "told_audited": "Everything is as audited.",
    "as_audited": TEXT["as_audited"],
    "of": TEXT["of"],
    "of_row": TEXT["of_row"],
    "to": TEXT["to"],
    "reference_of": TEXT["reference_of"],
}

#: Terms in the order of the alphabet, each defined here and nowhere else.
GLOSSARY: dict[str, str] = {
    "AUC": "Area under the receiver operating characteristic curve: how often a random "
    "AI-generated face gets a higher score than a random real photograph. 50 % is guessing, "
    "100 % is perfect; it does not depend on the threshold.",
    "Benjamini–Hochberg (BH)": "An adjustment of p-values for many tests that keeps the "
    "expected share of false alarms among the striking results (the false discovery rate) "
    "below the chosen level.",
    "BPSN AUC": "Background positive, subgroup negative: the AUC of one group’s real "
    "photographs against all AI-generated faces. It can be measured for a group that has no "
    "AI-generated faces of its own.",
    "Calibration": "Whether a score means what it says: among the pictures with a score near "
    "0.8, about 80 % should be AI-generated.",
    "Confidence interval": "The range of values that the data are compatible with. Made again "
    "and again on fresh samples, 95 of 100 such 95 % intervals would contain the true value.",
    "Confusion matrix": "Counts of what the pictures are against what the classifier said.",
    "Constant predictor": "A classifier that gives every picture the same answer. It treats all "
    "groups alike and is useless; its numbers stand beside the others as a warning.",
    "Delivery": "How a picture reaches the classifier: its size, crop, file type and "
    "compression, as against who is in it. A classifier can learn the delivery by mistake.",
    "Demographic parity": "Every group is called AI-generated equally often.",
    "Equalized odds": "Every group has the same false positive rate and the same false "
    "negative rate. The gap is the larger of the two differences.",
    "False negative rate (FNR)": "The share of AI-generated faces that the classifier calls "
    "real: the fakes it misses.",
    "False positive rate (FPR)": "The share of real photographs that the classifier calls "
    "AI-generated: the harm to the person pictured.",
    "Gap": "The highest rate of any group minus the lowest.",
    "Holm": "An adjustment of p-values for many tests that keeps the chance of even one false "
    "alarm below the chosen level.",
    "Intersection": "A combination of groups, for instance women over 60.",
    "Not enough evidence": "The interval reaches to both sides of the limit: more pictures are "
    "needed before anyone can say.",
    "Not estimable": "There is nothing to divide by. A group without AI-generated faces has no "
    "false negative rate; it is not zero.",
    "p-value": "How often a difference at least this large would appear if there were none.",
    "Percentage point (pts)": "The unit of a difference of two percentages: from 4 % to 6 % is "
    "2 points.",
    "Real-only data": "A data set of photographs without AI-generated faces. Only wrong "
    "accusations can be measured on it.",
    "Score": "The probability, between 0 and 1, that the classifier gives a picture of being "
    "AI-generated.",
    "Small group": "A group with so few pictures that its interval is wide. It is shown, and "
    "marked.",
    "Threshold": "The score from which on a picture is called AI-generated.",
    "Top losses": "The pictures on which the classifier was most confidently wrong.",
    "Wilson interval": "A confidence interval for a share that also holds for small groups and "
    "for shares near 0 or 100 % (Wilson, 1927).",
}
