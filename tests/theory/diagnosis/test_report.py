"""What comes out: numbers by name, findings by level, and the report in words."""

import dataclasses

import numpy as np
import pytest

import theory
from tests.theory.diagnosis.runs import CONSTANT, KNOBS, LIVE, clustered
from theory.diagnosis import agreement, center, clusters, comparison, readings, scale, temperatures
from theory.diagnosis.glosses import GLOSSES
from theory.diagnosis.report import Record

TEACHER = (readings.TeacherReading, scale.ScaleReading)
STUDENT = (readings.StudentReading, agreement.AgreementReading)
COMPARED = (comparison.CenteringPrice, comparison.ProjectedComparison)
JUDGED = (temperatures.TemperatureJudgement, temperatures.FeatureSize)
JUDGED += (temperatures.FeatureReading, temperatures.GrowthThresholds)
ALIVE = (clusters.ClusterReading,)
CENTRED = (center.CenterJudgement, center.CenterMotion)


def fields(*records):
    return list(dict.fromkeys(field.name for record in records for field in dataclasses.fields(record)))


def test_measurements_are_the_fields_of_the_records_in_the_order_of_reading():
    (teacher, student), views = clustered()
    options = {"teacher_momentum": 0.996, "center_momentum": 0.9, "learning_rate": 0.01} | KNOBS
    options |= {"student_logits": student, "features": views, "center": teacher.mean(0)}
    found = theory.diagnose(teacher, **options)
    first = (*TEACHER, *STUDENT, center.CenterLag, *ALIVE, readings.LossReading)
    assert list(found.measurements) == fields(*first, *COMPARED, *JUDGED, *CENTRED)
    assert all(isinstance(number, float | int) for number in found.measurements.values())


def test_only_what_the_input_could_tell_is_measured():
    assert list(theory.diagnose(LIVE, temperature=0.04).measurements) == fields(*TEACHER, *ALIVE, *COMPARED)
    assert list(theory.diagnose(CONSTANT, temperature=0.04).measurements) == fields(*TEACHER)


def test_a_record_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        readings.LossReading(loss=1.0, margin=0.0).loss = 2.0


def test_the_report_is_the_diagnosis_in_words_worst_first():
    found = theory.diagnose(CONSTANT, center=CONSTANT.mean(0), loss=2.0, **KNOBS)
    text = str(found).splitlines()
    assert text[0] == "fate: constant"
    assert text[2] == "found"
    numbers = text[text.index("measured") + 1 :]
    assert [line.split()[0] for line in numbers] == list(found.measurements)
    assert all(line.endswith(GLOSSES[line.split()[0]]) for line in numbers)
    order = ["problem", "warning", "note", "ok"]
    places = [order.index(finding.level) for finding in found.findings]
    assert places == sorted(places) and len(set(places)) > 1
    for finding in found.findings:
        assert f"  {finding.level:8}[{finding.claim}] {finding.text}" in text
        assert not finding.remedy or f"               → {finding.remedy}" in text


def test_every_measurement_has_a_gloss_that_fits_a_line_and_no_other_has():
    records = [record for record in Record.__subclasses__() if record.__module__.startswith("theory.")]
    turns = np.tile(np.repeat([4.15, 0.01], 40), 12)
    swings = 1.5 + 0.2 * np.sin(np.pi * np.arange(4000) / 100)
    curves = [
        theory.explain_loss(curve, clusters=64, teacher_entropy=curve / 2, kl=curve / 2, prior_entropy=4.1)
        for curve in (turns, swings)
    ]
    names = {*fields(*records), *(name for found in curves for name in found.measurements)}
    assert len(names) > 60
    assert names == GLOSSES.keys()
    assert all(0 < len(gloss) <= 70 for gloss in GLOSSES.values())
