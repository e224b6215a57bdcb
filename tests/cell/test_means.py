from __future__ import annotations

import numpy as np
import pytest

from exosome.cell.donor import Pathway, expected
from exosome.cell.endosome import network
from exosome.cell.means import LOST, donor_means
from exosome.numerics.network import Network, mean_field
from exosome.numerics.sbml import read_sbml, write_sbml

PATHWAY = Pathway(
    endosome=3.0, maturation=2.0, budding_escrt=4.0, budding_ceramide=2.0, back_fusion=0.5,
    mvb_fusion=0.6, mvb_lysosome=0.9, ectosome=5.0,
)  # fmt: skip
TIMES = np.array([0.5, 2.0, 8.0, 24.0])
MODELS = {"means": donor_means(PATHWAY), "classes": network(PATHWAY, 120)}


def of(course, name: str) -> np.ndarray:
    return course.values[:, course.names.index(name)]


def test_summed_up_bodies_have_the_means_of_bodies_by_content() -> None:
    means, classes = (mean_field(one, TIMES) for one in MODELS.values())
    for name in ("E", "Exo", "Lys", "Back", "Formed", "Bursts", "Ecto"):
        assert np.allclose(of(means, name), of(classes, name), rtol=1e-7)
    held = np.array([of(classes, f"M_{n}") for n in range(121)])
    assert np.allclose(of(means, "MVB"), held.sum(axis=0), rtol=1e-7)
    assert np.allclose(of(means, "ILV"), np.arange(121) @ held, rtol=1e-7)


def test_means_settle_where_the_closed_form_says_and_lose_no_vesicle() -> None:
    closed = expected(PATHWAY)
    course = mean_field(MODELS["means"], [99.0, 100.0])
    assert of(course, "MVB")[1] == pytest.approx(float(closed.bodies), rel=1e-7)
    assert of(course, "ILV")[1] == pytest.approx(float(closed.ilvs_inside), rel=1e-7)
    for name, rate in (("Exo", closed.exosomes_per_h), ("Bursts", closed.bursts_per_h)):
        assert np.diff(of(course, name))[0] == pytest.approx(float(rate), rel=1e-6)
    ends = sum(of(course, name) for name in ("Exo", "Lys", "Back", "ILV"))
    assert np.allclose(ends, of(course, "Formed"), rtol=1e-12)


@pytest.mark.parametrize("form", MODELS)
def test_libroadrunner_runs_the_export_as_we_do(form: str) -> None:
    peer = pytest.importorskip("roadrunner", reason="libroadrunner comes with the extra bench")
    names = [part.name for part in MODELS[form].species]
    text = write_sbml(MODELS[form], mean_field=True, notes=LOST["donor means"], time_unit_s=3600)
    model = peer.RoadRunner(text)
    model.integrator.relative_tolerance = 1e-10
    model.integrator.absolute_tolerance = 1e-14
    model.timeCourseSelections = names
    theirs = np.asarray(model.simulate(times=[0.0, *TIMES]))[1:]
    ours = mean_field(
        MODELS[form], TIMES, relative_tolerance=1e-10, absolute_tolerance=1e-14
    ).values
    # A body with very many vesicles is so rare that neither solver knows its mean to 1e-6.
    counts = ours > 1e-6
    assert counts.sum() >= 9 * TIMES.size
    assert np.max(np.abs(theirs - ours)[counts] / ours[counts]) < 1e-6


def test_notes_and_the_unit_of_time_are_in_the_file_and_change_nothing(tmp_path) -> None:
    libsbml = pytest.importorskip("libsbml", reason="needs the extra sbml")
    notes = ("Lost: bursts & chance < all.", "Second.")
    text = write_sbml(MODELS["means"], mean_field=True, notes=notes, time_unit_s=3600)
    document = libsbml.readSBMLFromString(text)
    assert document.checkConsistency() == 0 or not any(
        document.getError(k).getSeverity() >= libsbml.LIBSBML_SEV_ERROR
        for k in range(document.getNumErrors())
    )
    assert "bursts &amp; chance &lt; all" in document.getModel().getNotesString()
    unit = document.getModel().getUnitDefinition(document.getModel().getTimeUnits()).getUnit(0)
    assert unit.getMultiplier() == 3600
    path = tmp_path / "means.xml"
    path.write_text(text)
    back: Network = read_sbml(path)
    assert np.array_equal(mean_field(back, TIMES).values, mean_field(MODELS["means"], TIMES).values)
