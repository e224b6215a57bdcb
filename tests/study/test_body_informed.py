"""What experiments would inform."""

import numpy as np
import pytest

from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.particles import Design, roles_of
from exosome.body.physiology import body
from exosome.body.routes import ROUTES
from exosome.catalog.load import load_catalog
from exosome.delivery.pool import pool
from exosome.study.body_informed import EXPERIMENTS, GROUPS, PRIOR_SD, Experiment, informed_by

DESIGN = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], 1)


def ask(*experiments):
    catalog = load_catalog()
    numbers = {role: pool(catalog, role, where="test").median for role in roles_of(DESIGN)}
    return informed_by(experiments, DESIGN, body("mouse"), numbers, diameter_nm=80.0, workers=1)


@pytest.fixture(scope="module")
def found():
    return ask(*EXPERIMENTS)


def test_more_data_never_inform_less(found):
    for fewer, more in ((0, 1), (1, 2)):  # each holds all values of the one before
        for group in GROUPS:
            assert found[more].posterior_sd[group] <= found[fewer].posterior_sd[group] + 1e-9
    assert all(sd <= PRIOR_SD + 1e-12 for one in found for sd in one.posterior_sd.values())


def test_the_usual_design_informs_little_and_a_ladder_more(found):
    assert len(found[0].groups) <= 3
    assert len(found[-1].groups) > len(found[0].groups)
    # Saturation cannot be told from one small dose.
    assert found[2].posterior_sd["level of half rate"] > 0.95 * PRIOR_SD
    assert found[-1].posterior_sd["level of half rate"] < 0.6 * PRIOR_SD


def test_a_single_value_cannot_inform_two_groups():
    one = ask(Experiment("one value", ("liver",), (4.0,), (1e10,)))[0]
    ratio = np.array(list(one.posterior_sd.values())) / PRIOR_SD
    # The information of one value has rank one: the determinant falls by one factor only.
    assert (ratio < 0.999).sum() >= 1
    assert np.prod(ratio) > 0.0
    assert sum(ratio < 0.5) <= 1
