"""Baselines of fits: each recovers what it is, says nothing where it knows nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest

from exosome.assay.likelihood import Told
from exosome.body.observe import volumes_ml
from exosome.body.physiology import body
from exosome.catalog.load import load_catalog
from exosome.study.fit import Seen
from exosome.study.fit_baselines import (
    against,
    liposome_unchanged,
    means_of_data,
    nanoparticle_means,
    two_compartments,
    two_exponentials,
)
from exosome.study.fit_calibration import declared
from exosome.study.fit_problem import problem

CATALOG = load_catalog()
ROWS = declared()[2]
GOLD = [one for one in ROWS if one.experiment.study == "PEG-gold 55.5 nm"]
MORISHITA = [one for one in ROWS if one.experiment.study == "Morishita 2015"]


def told(rows, law):
    """Return rows that tell what a law of organ and time says, in percent for each gram."""
    return [replace(one, told=Told(x := math.log(law(one.what, one.hours)), x)) for one in rows]


def test_means_of_nanoparticles_are_those_of_their_records():
    eta = nanoparticle_means(MORISHITA, CATALOG)
    volumes = volumes_ml(body("mouse"))
    # The rows are percent of the organ, the records of a gram.
    for one, found in zip(MORISHITA, eta, strict=True):
        known = {"liver": 17.56, "spleen": 12.1, "lung": 2.8}[one.what]
        assert math.exp(found) == pytest.approx(known * volumes[one.what])
    order = next(one for one in ROWS if one.experiment.study == "Lai 2014")
    ratio = 12.1 * volumes["spleen"] / (17.56 * volumes["liver"])
    assert math.exp(nanoparticle_means([order], CATALOG)[0]) == pytest.approx(ratio)


def test_means_of_the_data_are_geometric_and_know_only_their_organs():
    rows = told(GOLD, lambda organ, hours: hours * (2.0 if organ == "liver" else 1.0))
    liver = [one.hours for one in rows if one.what == "liver"]
    found = means_of_data([one for one in rows if one.what == "liver"], rows)
    for one, eta in zip(rows, found, strict=True):
        if one.what == "liver":
            assert eta == pytest.approx(math.log(2.0) + np.mean(np.log(liver)))
        else:
            assert math.isnan(eta)


def test_two_exponentials_find_two_exponentials():
    def law(_organ, hours):
        return 20.0 * math.exp(-0.02 * hours) + 3.0 * math.exp(-0.0005 * hours)

    rows = told([one for one in GOLD if one.what in ("liver", "spleen")], law)
    found = two_exponentials(rows, rows)
    assert found == pytest.approx([one.told.low for one in rows], abs=0.05)
    few = [one for one in rows if one.what == "liver"][:3]
    assert np.isnan(two_exponentials(few, few)).all()


def test_two_compartments_find_their_own_constants():
    from exosome.study.fit_baselines import _constants_of

    constants = [one for one in ROWS if one.sees == "constant"]
    truth = np.log([2.0, 1.5, 0.4, 2.0])
    eta = _constants_of(truth, constants)
    rows = [replace(one, told=Told(x, x)) for one, x in zip(constants, eta.tolist(), strict=True)]
    # Nine constants tell the tenth, but for what the wide prior draws away.
    for k, left in enumerate(rows):
        found = two_compartments([*rows[:k], *rows[k + 1 :]], [left])
        assert found[0] == pytest.approx(left.told.low, abs=0.15), left.name
    assert np.isnan(two_compartments(rows, MORISHITA)).all()
    assert np.isnan(two_compartments(MORISHITA, rows)).all()


def test_one_compartment_has_its_closed_form():
    from exosome.study.fit_baselines import _constants_of

    constants = {one.what: one for one in ROWS if one.sees == "constant"}
    rows = [constants[key] for key in ("CL", "Vss", "MRT_inf", "AUC")]
    # Hardly any exchange: clearance is rate times volume, and all stay one over the rate.
    found = np.exp(_constants_of(np.log([0.5, 1e-9, 1.0, 3.0]), rows))
    assert found == pytest.approx([1.5, 3.0, 2.0, 100.0 / 1.5], rel=2e-3)


def test_the_liposome_is_cleared_as_published_and_not_as_vesicles_are():
    asked = problem(MORISHITA, CATALOG, where="test")
    places = list(range(len(MORISHITA)))
    theirs = liposome_unchanged(asked, places)
    ours = asked.predictions(asked.centre[None])[0]
    assert np.isfinite(theirs).all()
    # It is cleared more slowly by the liver, and nothing is held by the lung.
    lung = next(k for k, one in enumerate(MORISHITA) if one.what == "lung")
    assert theirs[lung] < ours[lung] - 0.5


def test_the_nearer_one_wins_on_the_rows_that_both_predict():
    rows = told(MORISHITA, lambda _organ, _hours: 10.0)
    seen = [Seen(one, False, 12.0, 1.0, 99.0, 1.2, True, None) for one in rows]
    exact = np.full(len(rows), math.log(10.0))
    one = against("exact", seen, exact)
    assert (one.rows, one.ours, one.theirs) == (3, pytest.approx(1.2), pytest.approx(1.0))
    assert not one.we_win
    exact[0] = math.nan
    assert against("two of them", seen, exact + 1.0).rows == 2
    assert against("two of them", seen, exact + 1.0).we_win
    assert against("nothing", seen, exact * math.nan) is None
