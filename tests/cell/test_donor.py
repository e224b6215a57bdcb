"""The donor cell: network and sampler obey one closed form, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosome.cell.donor import Pathway, calibrated, donor_type, donor_types, expected
from exosome.cell.endosome import most_ilvs_for, network, simulate_cells
from exosome.cell.handles import HANDLES, TRAFFIC, handle, temperature_factor
from exosome.core.errors import InputError
from exosome.numerics.network import mean_field, simulate

# Small enough that the network's highest class is never reached.
SMALL = {
    "endosome": 3.0,
    "maturation": 4.0,
    "budding_escrt": 3.0,
    "budding_ceramide": 1.5,
    "back_fusion": 0.4,
    "mvb_fusion": 0.5,
    "mvb_lysosome": 0.7,
    "ectosome": 5.0,
}
WARM_H, WINDOW_H = 10.0, 1.0
RUNS = 1_500
# Six standard errors: one false alarm in 5e8 for each figure that is compared.
SURE = 6.0


def pathway(**changed: float) -> Pathway:
    return Pathway(**{name: np.asarray(x) for name, x in {**SMALL, **changed}.items()})


def by_network(p: Pathway, replicates: int = RUNS) -> dict[str, np.ndarray]:
    most = 45
    net = network(p, most)
    seen = ["Exo", "Lys", "Back", "Formed", "Bursts", "Ecto", *(f"M_{n}" for n in range(most + 1))]
    runs = simulate(net, [WARM_H, WARM_H + WINDOW_H], replicates=replicates, seed=5, observe=seen)
    end = {name: runs.of(name)[:, 1] for name in seen}
    assert end[f"M_{most}"].max() == 0  # the truncation was never felt
    inside = sum(n * end[f"M_{n}"] for n in range(most + 1))
    return {
        "exosomes": np.diff(runs.of("Exo"), axis=1)[:, 0],
        "bursts": np.diff(runs.of("Bursts"), axis=1)[:, 0],
        "ectosomes": np.diff(runs.of("Ecto"), axis=1)[:, 0],
        "formed": end["Formed"],
        "secreted": end["Exo"],
        "lysosomal": end["Lys"],
        "back_fused": end["Back"],
        "inside": np.asarray(inside),
    }


def by_sampler(p: Pathway, replicates: int = RUNS) -> dict[str, np.ndarray]:
    cells = simulate_cells(
        p, cells=replicates, edges_h=np.array([0.0, WINDOW_H]), seed=5, warm_h=WARM_H
    )
    names = ("exosomes", "bursts", "ectosomes", "formed", "secreted", "lysosomal", "back_fused")
    return {n: np.squeeze(getattr(cells, n)).astype(float) for n in (*names, "inside")}


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, np.ndarray]]:
    return {"network": by_network(pathway()), "sampler": by_sampler(pathway())}


def apart(sample: np.ndarray, mean: float) -> float:
    return float((sample.mean() - mean) / (sample.std(ddof=1) / np.sqrt(sample.size)))


@pytest.mark.parametrize("how", ["network", "sampler"])
def test_means_match_the_closed_form(how: str, drawn: dict[str, dict[str, np.ndarray]]) -> None:
    e, found = expected(pathway()), drawn[how]
    assert abs(apart(found["exosomes"], float(e.exosomes_per_h) * WINDOW_H)) < SURE
    assert abs(apart(found["bursts"], float(e.bursts_per_h) * WINDOW_H)) < SURE
    assert abs(apart(found["ectosomes"], float(e.ectosomes_per_h) * WINDOW_H)) < SURE
    assert abs(apart(found["inside"], float(e.ilvs_inside))) < SURE


@pytest.mark.parametrize("how", ["network", "sampler"])
def test_variance_and_fano_factor_match_the_closed_form(
    how: str, drawn: dict[str, dict[str, np.ndarray]]
) -> None:
    e, found = expected(pathway()), drawn[how]["exosomes"]
    mean = float(e.exosomes_per_h) * WINDOW_H
    assert abs(apart((found - mean) ** 2, mean * float(e.fano))) < SURE
    assert abs(apart((found - mean) ** 2 / mean, float(e.fano))) < SURE
    shed = drawn[how]["ectosomes"]
    assert abs(apart((shed - 5.0) ** 2 / 5.0, 1.0)) < SURE  # ectosomes leave one by one


@pytest.mark.parametrize("how", ["network", "sampler"])
def test_every_vesicle_formed_is_accounted_for(
    how: str, drawn: dict[str, dict[str, np.ndarray]]
) -> None:
    f = drawn[how]
    ends = f["secreted"] + f["lysosomal"] + f["back_fused"] + f["inside"]
    assert np.array_equal(ends, f["formed"])
    assert f["formed"].min() > 0


def test_network_and_sampler_agree_from_an_empty_cell_on() -> None:
    # The means while a cell starts up, against the network's mean field: no steady state used.
    p = pathway()
    net = network(p, 45)
    course = mean_field(net, [0.5, 1.0, 2.0])
    cells = simulate_cells(
        p, cells=RUNS, edges_h=np.array([0.0, 0.5, 1.0, 2.0]), seed=8, warm_h=0.0
    )
    exo = np.asarray(course.values)[:, list(course.names).index("Exo")]
    for i in range(3):
        assert abs(apart(cells.exosomes[:, : i + 1].sum(axis=1).astype(float), exo[i])) < SURE


def test_bursts_scale_with_vesicles_per_body() -> None:
    few, many = (expected(pathway(budding_escrt=b, budding_ceramide=0.0)) for b in (3.0, 30.0))
    assert float(few.fano) > 1.0
    assert (float(many.fano) - 1.0) / (float(few.fano) - 1.0) == pytest.approx(10.0)
    assert float(many.ilvs_per_burst) == pytest.approx(10.0 * float(few.ilvs_per_burst))


rates = st.floats(0.05, 20.0)


@settings(max_examples=50, deadline=None)
@given(b=rates, c=rates, f=rates, kp=rates, kl=rates)
def test_shares_of_fates_add_up(b: float, c: float, f: float, kp: float, kl: float) -> None:
    e = expected(
        pathway(budding_escrt=b, budding_ceramide=c, back_fusion=f, mvb_fusion=kp, mvb_lysosome=kl)
    )
    assert float(e.secreted + e.lysosomal + e.back_fused) == pytest.approx(1.0, abs=1e-12)
    assert float(e.secreted / (e.secreted + e.lysosomal)) == pytest.approx(kp / (kp + kl))
    assert float(e.exosomes_per_h) == pytest.approx(3.0 * (b + c) / (kp + kl) * float(e.secreted))


def test_result_does_not_depend_on_workers() -> None:
    # Bodies enough for several blocks.
    runs = [
        simulate_cells(
            pathway(endosome=40.0), cells=3_000, edges_h=np.arange(3.0), seed=3, workers=w
        )
        for w in (1, 2)
    ]
    for name in ("exosomes", "bursts", "ectosomes", "formed", "inside", "burst_sizes"):
        assert np.array_equal(getattr(runs[0], name), getattr(runs[1], name))


def test_calibration_reaches_the_release_rate() -> None:
    p = calibrated(pathway(), release_per_h=np.asarray(62.5), ectosome_share=np.asarray(0.3))
    assert float(expected(p).vesicles_per_h) == pytest.approx(62.5)
    assert float(p.ectosome) == pytest.approx(0.3 * 62.5)
    red = calibrated(
        pathway(),
        release_per_h=np.asarray(0.2),
        ectosome_share=np.asarray(0.3),
        has_endosomes=False,
    )
    assert float(expected(red).exosomes_per_h) == 0.0
    assert float(red.ectosome) == pytest.approx(0.2)
    with pytest.raises(InputError, match="no multivesicular body secretes"):
        calibrated(pathway(mvb_fusion=0.0), release_per_h=np.ones(1), ectosome_share=np.zeros(1))


def test_no_fusion_removes_exosomes_and_leaves_ectosomes() -> None:
    off = by_sampler(pathway(mvb_fusion=0.0), 500)
    assert off["exosomes"].sum() == 0
    assert abs(apart(off["ectosomes"], 5.0)) < SURE


def test_bad_rates_and_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="negative"):
        pathway(budding_escrt=-1.0)
    with pytest.raises(InputError, match="have no end"):
        pathway(mvb_fusion=0.0, mvb_lysosome=0.0)
    with pytest.raises(InputError, match="no rate 'budding'"):
        pathway().scaled({"budding": 2.0})
    with pytest.raises(InputError, match="cells must be"):
        simulate_cells(pathway(), cells=0, edges_h=np.arange(2.0), seed=1)
    with pytest.raises(InputError, match="multivesicular bodies"):
        simulate_cells(pathway(endosome=1e7), cells=1000, edges_h=np.arange(25.0), seed=1)
    with pytest.raises(InputError, match="hold a vesicle"):
        network(pathway(), 0)


def test_cell_types_without_a_rate_are_unknown() -> None:
    assert donor_type("mcf7", where="x").roles == ("release_rate.mcf7",)
    with pytest.raises(InputError, match="no cell type"):
        donor_type("elephant", where="x")
    assert not donor_types()["erythrocyte"].has_endosomes


def test_handles_name_rates_of_the_pathway() -> None:
    assert set(SMALL) == set(TRAFFIC)
    for one in HANDLES.values():
        assert set(one.rates) <= set(TRAFFIC)
        pathway().scaled(dict.fromkeys(one.rates, 0.5))
    with pytest.raises(InputError, match="no handle"):
        handle("rab28", where="x")
    assert temperature_factor(27.0, 2.5, where="x") == pytest.approx(0.4)
    assert temperature_factor(37.0, 2.5, where="x") == 1.0
    with pytest.raises(InputError, match="outside the range"):
        temperature_factor(4.0, 2.5, where="x")


def test_most_ilvs_leaves_room() -> None:
    assert most_ilvs_for(pathway()) > 10 * float(expected(pathway()).ilvs_per_burst)
