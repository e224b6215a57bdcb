"""The closed form of the linear body against the network, and its limits."""

from dataclasses import replace

import numpy as np
import pytest

from exosome.body.design import POPULATIONS, Design
from exosome.body.fate import share_taken
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.particles import network, roles_of, values_of
from exosome.body.passage import Pores, passing, passing_all
from exosome.body.physiology import SPECIES, body
from exosome.body.routes import ROUTES
from exosome.body.sizes import size_classes
from exosome.catalog.load import load_catalog
from exosome.core.errors import InputError
from exosome.core.random import Streams
from exosome.delivery.pool import pool
from exosome.numerics.network import mean_fields

DESIGN = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], 1)
CATALOG = load_catalog()


def draws(count, kind="vesicle"):
    return {
        role: pool(CATALOG, role, where="test").draw(Streams(7).of(role).random(count))
        for role in roles_of(replace(DESIGN, kind=KINDS[kind]))
    }


@pytest.mark.parametrize(("species", "kind"), [
    *((one, "vesicle") for one in SPECIES), ("human", "lnp"), ("mouse", "liposome"),
    ("human", "peg_vesicle"), ("rat", "rigid"),
])  # fmt: skip
def test_the_closed_form_is_the_end_of_the_linear_network(species, kind):
    held, drawn = body(species), draws(6, kind)
    design = replace(DESIGN, kind=KINDS[kind])
    sets = [{role: float(x[i]) for role, x in drawn.items()} for i in range(6)]
    # A small dose that is never digested: what cells hold in the end is what they took up.
    values = [
        values_of(design, held, size_classes(90.0, 1.0, 1), one | {"body_rate.digestion": 0.0},
                  dose=1e3)
        for one in sets
    ]  # fmt: skip
    found = mean_fields(
        network(design, values[0]), [0.0, 40_000.0],
        values={key: np.array([v[key] for v in values]) for key in values[0]},
        relative_tolerance=1e-8, absolute_tolerance=1e-9,
    )  # fmt: skip
    for one in POPULATIONS:
        ours = share_taken(one.key, held, drawn, np.full(6, 90.0), kind=kind)
        theirs = found.of(f"n_{one.key}")[:, -1] / 1e3
        # What passes openings hangs on the coarser law of openings of the closed form.
        through = one.place in ("liver_i", "spleen_i") or one.place.startswith("node")
        assert ours == pytest.approx(theirs, rel=0.02 if through else 5e-3, abs=1e-4), one.key


def test_shares_are_shares_and_fall_with_what_competes():
    drawn = draws(500)
    every = [share_taken(one.key, body("human"), drawn, np.full(500, 90.0)) for one in POPULATIONS]
    total = np.sum(every, axis=0)
    assert np.all(total > 0.0)
    assert np.all(total < 1.0)
    more = {**drawn, "body_clearance.red_pulp": 10.0 * drawn["body_clearance.red_pulp"]}
    assert np.all(share_taken("kupffer", body("human"), more, np.full(500, 90.0)) < every[0])


def test_the_law_of_openings_for_arrays_is_that_for_one():
    for radius in (10.0, 40.0, 60.0, 100.0):
        one = passing(radius, Pores(60.0, 1.3))
        many = passing_all(np.array([radius]), np.array([60.0]), np.array([1.3]))[0]
        assert many == pytest.approx(one, abs=2e-3)


def test_other_cells_are_refused():
    with pytest.raises(InputError, match="no cells of the body"):
        share_taken("neuron", body("human"), draws(1), np.array([90.0]))


def test_classes_of_size_may_lead():
    drawn, sizes = draws(5), np.array([[60.0], [90.0], [140.0]]) * np.ones(5)
    together = share_taken("tissue_skin", body("human"), drawn, sizes)
    for one, size in zip(together, sizes, strict=True):
        assert one == pytest.approx(share_taken("tissue_skin", body("human"), drawn, size))
