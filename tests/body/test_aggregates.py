"""Aggregates: the law of lodging, first passage through the lung, coming apart."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.body.aggregates import lodging_share, passing_nm
from exosome.body.design import Design
from exosome.body.kinds import KINDS
from exosome.body.labels import LABELS
from exosome.body.routes import ROUTES
from exosome.body.sizes import Aggregates
from exosome.core.errors import InputError

PLAIN = Design(KINDS["vesicle"], ROUTES["iv"], LABELS["iodine125"], 2)
CLUMPED = replace(PLAIN, aggregates=True)


@given(
    median=st.floats(200.0, 1e5), gsd=st.floats(1.0, 3.0), capillary=st.floats(3e3, 1e4),
    spread=st.floats(1.01, 1.6),
)  # fmt: skip
def test_the_closed_form_of_lodging_is_the_sum_over_aggregates(median, gsd, capillary, spread):
    normal = NormalDist()
    z = np.array([normal.inv_cdf((k + 0.5) / 2001) for k in range(2001)])
    wide = np.log(median / capillary) + math.log(gsd) * z
    summed = np.mean([normal.cdf(x / math.log(spread)) for x in wide])
    # Mid-points of 2,001 equal shares are off by less than one of them.
    aggregates = Aggregates(0.5, median, gsd)
    assert lodging_share(aggregates, capillary, spread) == pytest.approx(summed, abs=1e-3)


def test_lodging_has_its_limits():
    def share(nm, gsd=1.5):
        return lodging_share(Aggregates(0.5, nm, gsd), 6500.0, 1.2)

    assert share(6500.0) == pytest.approx(0.5)
    assert share(500.0) < 1e-6
    assert share(90_000.0) > 1.0 - 1e-6
    assert share(4000.0) < share(8000.0) < share(16_000.0)
    assert lodging_share(Aggregates(0.5, 6501.0, 1.0), 6500.0, 1.0) == 1.0
    # What passes is narrower than what was given, and not wider than the capillary by much.
    passing = passing_nm(Aggregates(0.5, 6500.0, 1.5), 6500.0, 1.2)
    assert 3000.0 < passing < 6500.0
    assert passing_nm(Aggregates(0.5, 500.0, 1.5), 6500.0, 1.2) == pytest.approx(500.0, rel=1e-3)
    assert passing_nm(Aggregates(0.5, 2e5, 1.01), 6500.0, 1.01) == 6500.0


@pytest.mark.parametrize("more", [
    {}, {"infusion_h": 0.5}, {"repeats_h": (2.0, 8.0)}, {"surface": "bare"},
    {"surface": "opsonised"},
], ids=lambda m: "-".join(m) or "bolus")  # fmt: skip
@pytest.mark.parametrize("micrometres", [1.0, 6.5, 30.0])
def test_every_particle_and_every_label_is_somewhere(dosed, more, micrometres):
    run = dosed(replace(CLUMPED, **more), aggregates=Aggregates(0.4, 1e3 * micrometres, 1.6))
    assert run.gap <= 1e-12


@pytest.mark.parametrize("species", ["mouse", "rhesus", "human"])
def test_wide_aggregates_lodge_in_the_lung_at_first_passage(dosed, species):
    single = dosed(PLAIN, species=species)
    wide = dosed(CLUMPED, species=species, aggregates=Aggregates(0.5, 30_000.0, 1.3))
    # In 15 min all blood has passed the lung many times in every species.
    assert wide.percent("lung")[2] > 45.0
    assert single.percent("lung")[2] < 0.7 * wide.percent("lung")[2]
    free = dosed(CLUMPED, species=species, aggregates=Aggregates(0.5, 30_000.0, 1.3),
                 change={"lodging": 0.0})  # fmt: skip
    assert free.percent("lung")[2] < 0.7 * wide.percent("lung")[2]
    assert wide.percent("lung")[-1] < 0.7 * wide.percent("lung")[2]  # they come apart


def test_lung_holds_what_the_law_says_of_what_was_given(dosed):
    still = {"body_rate.break_up": 0.0, "body_rate.lodged_entry": 0.0, "body_rate.lysis": 0.0}
    aggregates = Aggregates(0.3, 6500.0, 1.5)
    run = dosed(CLUMPED, aggregates=aggregates, numbers=still)
    share = lodging_share(
        aggregates, 2.0 * run.numbers["body_radius.lung_capillary"],
        run.numbers["body_gsd.lung_capillary"],
    )  # fmt: skip
    assert run.of("large_lung")[-1] / run.dose == pytest.approx(0.3 * share, rel=1e-9)


def test_few_aggregates_are_none(dosed):
    single = dosed(PLAIN)
    few = dosed(CLUMPED, aggregates=Aggregates(1e-9, 6500.0, 1.5))
    for organ in ("blood", "liver", "lung", "spleen"):
        assert few.percent(organ) == pytest.approx(single.percent(organ), rel=1e-5, abs=1e-6)


def test_aggregates_that_pass_never_leave_blood_by_fenestrae(dosed):
    whole = {"body_rate.break_up": 0.0, "body_clearance.transcytosis": 0.0}
    run = dosed(CLUMPED, aggregates=Aggregates(1.0, 1000.0, 1.2), numbers=whole)
    assert run.at("n_hepatocyte", 4.0) == 0.0
    assert run.at("n_kupffer", 4.0) > 0.0


def test_aggregates_that_make_no_sense_are_refused(dosed):
    for wrong in ((0.0, 5000.0, 1.5), (1.1, 5000.0, 1.5), (0.5, 50.0, 1.5), (0.5, 5000.0, 4.0)):
        with pytest.raises(InputError, match="aggregate"):
            Aggregates(*wrong)
    with pytest.raises(InputError, match="from a vein only"):
        replace(CLUMPED, route=ROUTES["sc"])
    with pytest.raises(InputError, match="from a vein only"):
        replace(CLUMPED, by_cells=True)
    with pytest.raises(InputError, match="of no size"):
        dosed(CLUMPED)
