"""Constants of kinetics against closed forms, and what each kind of row asks of a run."""

import math

import numpy as np
import pytest

from exosome.assay.predict import constants, moments_of, predicted
from exosome.assay.table import read_table

HEAD = "study,species,label,route,dose,time,organ,value,unit\n"


def rows(*lines):
    return read_table(HEAD + "\n".join(lines) + "\n", name="data.csv")


def row(time, organ, value, unit):
    return f"A,mouse,iodine125,iv,,{time},{organ},{value},{unit}"


def grid(window):
    return moments_of(rows(row(f"{window} h", "CL", "1", "mL/h")))


def test_one_exponential_has_its_textbook_constants():
    """Dose over volume, falling at k: CL = kV, MRT = 1/k, Vss = V, halving time ln 2 / k."""
    k, volume = 0.7, 1.8
    t = grid(24)
    found = constants(t, (100.0 / volume) * np.exp(-k * t)[None, :], 24.0)
    want = {
        "CL": k * volume, "Vss": volume, "Vd": volume, "MRT_inf": 1 / k, "AUC": 100 / volume / k,
        "t1/2": 60 * math.log(2) / k, "t1/2_alpha": 60 * math.log(2) / k,
        "t1/2_beta": 60 * math.log(2) / k,
    }  # fmt: skip
    for name, value in want.items():
        assert found[name][0] == pytest.approx(value, rel=1e-5), name
    last = (1 - math.exp(-k * 24) * (1 + k * 24)) / k / (1 - math.exp(-k * 24))
    assert found["MRT_last"][0] == pytest.approx(last, rel=1e-6)


def test_two_exponentials():
    a, b, alpha, beta = 40.0, 5.0, 8.0, 0.2
    t = grid(24)
    found = constants(t, (a * np.exp(-alpha * t) + b * np.exp(-beta * t))[None, :], 24.0)
    area, moment = a / alpha + b / beta, a / alpha**2 + b / beta**2
    # The grid of 40 moments follows the bend to better than a percent.
    assert found["CL"][0] == pytest.approx(100 / area, rel=1e-2)
    assert found["Vss"][0] == pytest.approx(100 * moment / area**2, rel=1e-2)
    assert found["t1/2_beta"][0] == pytest.approx(60 * math.log(2) / beta, rel=1e-6)


def test_a_level_that_does_not_halve_in_the_window_is_extended():
    t = grid(1)
    found = constants(t, np.exp(-0.1 * t)[None, :], 1.0)
    assert found["t1/2"][0] == pytest.approx(60 * math.log(2) / 0.1, rel=1e-6)


def test_rows_ask_for_what_they_tell():
    told = rows(
        row("4 h", "liver", "28", "%ID/organ"),
        row("4 h", "spleen > liver", "", "rank"),
    )
    hours = moments_of(told)
    signal = {
        "liver": np.array([[0.0, 30.0], [0.0, 20.0]]),
        "spleen": np.array([[0.0, 3.0], [0.0, 40.0]]),
        "blood": np.array([[100.0, 1.0], [100.0, 1.0]]),
    }
    found = predicted(told, hours, signal, {"blood": 2.0, "liver": 2.0, "spleen": 0.1})
    assert np.exp(found) == pytest.approx(np.array([[30.0, 0.1], [20.0, 2.0]]))


def test_grams_and_shares():
    gram = rows(row("4 h", "liver", "28", "%ID/g"))
    signal = {"liver": np.array([[0, 30.0]]), "spleen": np.array([[0, 10.0]])}
    signal["blood"] = signal["liver"]
    volumes = {"blood": 2.0, "liver": 2.0, "spleen": 0.1}
    assert np.exp(predicted(gram, moments_of(gram), signal, volumes))[0, 0] == pytest.approx(15.0)
    share = rows(
        row("4 h", "liver", "70", "% of organs"), row("4 h", "spleen", "30", "% of organs")
    )
    found = np.exp(predicted(share, moments_of(share), signal, volumes))[0]
    assert found == pytest.approx([75.0, 25.0])
    assert [one.scale_power for one in share] == [0, 0]
