"""A claim answered from end to end: every number in its place, nothing else moving it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from exosome.catalog.load import Catalog, load_catalog, role_bounds
from exosome.claims import answer as answering
from exosome.claims import controls
from exosome.claims.answer import answer, dose_table, dose_warning
from exosome.claims.claim import Claim, bundled_claims, parse_claim, read_claim
from exosome.claims.summary import summarise_answer
from exosome.core.provenance import trace_run
from exosome.core.random import Streams
from exosome.delivery.extremes import conservation_ceiling
from exosome.delivery.problem import pose
from exosome.delivery.question import EngineStage, Luminal, SolubleCoisolate
from exosome.delivery.verdict import summarise
from exosome.study.scenario import questions

if TYPE_CHECKING:
    from pathlib import Path

    from exosome.catalog.record import Sourced
    from exosome.delivery.problem import Problem

NAMES = sorted(bundled_claims())
DRAWS = 2000


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "_DRAWS", 200)
    monkeypatch.setattr(answering, "DOSE_DRAWS", 500)


def asked(name: str, *changes: tuple[str, str]) -> Claim:
    text = bundled_claims()[name].read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_claim(tomllib.loads(text), text=text, where=name)


def summary(claim: Claim, catalog: Catalog | None = None, **more: int) -> dict[str, Any]:
    options = {"seed": 1, "draws": 300, "sobol_size": 64, "workers": 1, **more}
    found = answer(claim, catalog or load_catalog(), where="test", **options)
    origin = {
        **trace_run(seed=options["seed"], arguments=["claim"], input_files=()).stable(),
        "command": "exosome claim test",
    }
    return summarise_answer(found, name="test", provenance=origin)


def as_bytes(table: dict[str, Any]) -> bytes:
    return json.dumps(table, allow_nan=False, sort_keys=True).encode()


def problems(name: str, catalog: Catalog) -> list[Problem]:
    return [pose(one, catalog) for one in questions(read_claim(bundled_claims()[name]), where=name)]


def margins(one: Problem) -> np.ndarray:
    return one.margin(one.draws(Streams(1), DRAWS))


@pytest.mark.parametrize("name", ["immune-cells-in-a-dish", "mirna-liver-kupffer"])
def test_the_summary_is_the_same_for_any_number_of_workers(name: str) -> None:
    claim = asked(name)
    one, two = (as_bytes(summary(claim, workers=workers)) for workers in (1, 2))
    assert one == two
    assert as_bytes(summary(claim, seed=2)) != one


@pytest.mark.parametrize("name", ["anti-ageing-skin", "neighbour-signal", "sirna-vesicles-iv"])
def test_every_number_shown_is_finite_and_has_its_record(name: str) -> None:
    table = summary(asked(name))
    as_bytes(table)  # refuses NaN and infinity
    held = {row["id"] for row in table["numbers"]}
    for mechanism in table["mechanisms"]:
        used = {record for one in mechanism["inputs"] for record in one["records"]}
        assert used <= held
        assert {record for step in mechanism["steps"] for record in step["records"]} <= used
        assert {role for step in mechanism["steps"] for role in step["roles"]} <= {
            one["role"] for one in mechanism["inputs"]
        }
        assert all(one["holds"] for one in mechanism["invariants"])
        assert mechanism["balance_gap"] <= 1e-12
    for row in table["numbers"]:
        assert row["citation"]
        assert row["status"] in ("assumed", "recalled", "second-hand", "derived", "read")


def test_a_claim_without_an_effect_is_undecided_and_says_why() -> None:
    table = summary(asked("anti-ageing-skin"))
    (mechanism,) = table["mechanisms"]
    assert mechanism["verdict"] == "undecided"
    assert "defines no effect" in mechanism["sentence"]
    assert "finding" not in mechanism
    assert not table["answer"]["effect_declared"]
    declared = summary(asked("anti-ageing-skin-declared"))["mechanisms"][0]
    # The same dose on the same way: only the need was added.
    assert declared["steps"][:-1] == mechanism["steps"]


def test_words_speakers_and_names_change_no_number() -> None:
    told = asked(
        "mirna-liver-kupffer",
        ("reprograms the liver's macrophages", "does wonders"),
        ("Reviews quoted by a stem-cell clinic", "A patient group"),
        ("The clinic sells the comparator, MSC infusions", "None"),
        ('hedge = "none"', 'hedge = "strong"'),
        ('tags = ["msc_ev"]', 'tags = ["another_product"]'),
        ("Small EVs of bone-marrow MSCs, 15 mL", "Elixir"),
        ("Targets of one miRNA fall by 30 % in the responding cells", "Something"),
    )
    one, other = summary(asked("mirna-liver-kupffer")), summary(told)
    assert one["claim"] != other["claim"]
    for part in ("mechanisms", "dose", "controls", "numbers", "evidence", "run"):
        assert one[part] == other[part]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("inhaled-covid", '"2e8 particle"', '"200000000 particles"'),
        ("mirna-knee", '"4e11 particle"', '"4.0e11 particle"'),
        ("immune-cells-in-a-dish", '"0.1 mL"', '"100 uL"'),
    ],
)
def test_other_units_for_the_same_amounts_change_no_bit(name: str, old: str, new: str) -> None:
    first, second = (
        questions(claim, where=name) for claim in (asked(name), asked(name, (old, new)))
    )
    for one, other in zip(first, second, strict=True):
        both = (pose(each, load_catalog()) for each in (one, other))
        assert np.array_equal(*(margins(each) for each in both))


def test_seeds_differ_and_repeat() -> None:
    (one,) = problems("cd73-joint", load_catalog())
    drawn = [one.margin(one.draws(Streams(seed), 50)) for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def moved(record: Sourced, factor: float) -> Sourced | None:
    """The record with all its figures times ``factor``, inside the physical limits."""
    low, high = role_bounds(record.role)

    def scaled(figure: float | None) -> float | None:
        return None if figure is None else min(max(figure * factor, low), high)

    figures = {key: scaled(getattr(record, key)) for key in ("value", "low", "high")}
    same = all(figures[key] == getattr(record, key) for key in figures)
    return None if same else replace(record, **figures)


@pytest.mark.parametrize("name", NAMES)
def test_every_record_of_a_claim_moves_its_answer(name: str) -> None:
    bundled = load_catalog()
    before = problems(name, bundled)
    shown = [summarise(margins(one)).percentiles for one in before]
    for record in {
        r.id: r for one in before for p in one.pools.values() for r in p.records
    }.values():
        for factor in (1.5, 1 / 1.5, 1e-3):
            other = moved(record, factor)
            if other is None:
                continue
            after = problems(name, bundled.replaced(other))
            # To the digits of the summary: some displacement must be seen.
            if any(
                f"{x:.6g}" != f"{y:.6g}"
                for one, old in zip(after, shown, strict=True)
                for x, y in zip(summarise(margins(one)).percentiles, old, strict=True)
                if x is not None and y is not None
            ):
                break
        else:
            _only_cancels(name, record, before, bundled)


def _only_cancels(name: str, record: Sourced, before: list[Problem], bundled: Catalog) -> None:
    """Cargo is counted by particle: how many of these are vesicles cancels, as it must.

    The vesicles given still move.
    """
    assert record.role == "vesicles_per_particle", (name, record.id)
    kinds = (Luminal, SolubleCoisolate)
    assert all(isinstance(one.question.mechanism, kinds) for one in before), name
    other = moved(record, 1.5)
    assert other is not None
    for one, again in zip(before, problems(name, bundled.replaced(other)), strict=True):
        first, second = (
            {s.name: s.amount.mean() for s in p.outcome(p.draws(Streams(1), DRAWS)).steps}
            for p in (one, again)
        )
        assert first["vesicles given"] != second["vesicles given"]
        assert list(first.values())[-2] == pytest.approx(list(second.values())[-2], rel=1e-9)


def overlay(folder: Path, figures: dict[str, tuple[float, str]]) -> Catalog:
    lines = [
        f'[[record]]\nrole = "{role}"\nvalue = {value!r}\nunit = "{unit}"\n'
        for role, (value, unit) in figures.items()
    ]
    (folder / "mine.toml").write_text("\n".join(lines), encoding="utf-8")
    return load_catalog((folder / "mine.toml",))


def steps_of(name: str, catalog: Catalog) -> dict[str, float]:
    one = problems(name, catalog)[0]
    return {s.name: float(s.amount[0]) for s in one.outcome(one.draws(Streams(1), 1)).steps}


def test_a_whole_dose_in_the_liver_is_four_hundredths_of_a_copy_for_each_hepatocyte(
    tmp_path: Path,
) -> None:
    # 1.2e12 x 0.00825 / 2.4e11 = 0.04, with every vesicle delivered and opened.
    whole = overlay(
        tmp_path,
        {
            "vesicles_per_particle": (1.0, "vesicle/particle"),
            "organ_signal.intravenous.liver": (1.0, "fraction"),
            "residual_blood_share.liver": (0.0, "fraction"),
            "uptake_share.liver.hepatocyte": (100.0, "percent"),
            "cell_count.hepatocyte": (2.4e11, "cell"),
            "copies_per_particle.natural_mirna": (0.00825, "copy/particle"),
            "opening.natural_vesicle": (1.0, "fraction"),
            "functional_fraction.natural_mirna": (1.0, "fraction"),
        },
    )
    steps = steps_of("mirna-liver-hepatocyte", whole)
    found = steps["copies in the cytosol of one cell"]
    assert found == pytest.approx(1.2e12 * 0.00825 / 2.4e11)
    assert round(found, 2) == 0.04
    # A hundred copies would take some 20 in each vesicle, 2,400 times what was measured.
    assert 100 / found * 0.00825 == pytest.approx(20.0)
    assert 100 / found == pytest.approx(2424, rel=1e-3)
    (one,) = problems("mirna-liver-hepatocyte", whole)
    assert conservation_ceiling(one).margin < 0.0


@pytest.mark.parametrize(("deposited", "each"), [(0.2, 0.002), (0.5, 0.004)])
def test_an_inhaled_dose_is_a_few_thousandths_of_a_vesicle_for_each_macrophage(
    deposited: float, each: float, tmp_path: Path
) -> None:
    # 2e8 given, 20 to 50 % deposited, 2.3e10 alveolar macrophages.
    known = overlay(
        tmp_path,
        {
            "vesicles_per_particle": (1.0, "vesicle/particle"),
            "delivery_survival.inhaled": (1.0, "fraction"),
            "arriving.inhaled.alveolar_macrophage": (deposited, "fraction"),
            "uptake_fraction.inhaled.alveolar_macrophage": (1.0, "fraction"),
            "cell_count.alveolar_macrophage": (2.3e10, "cell"),
        },
    )
    found = steps_of("inhaled-covid", known)["internalised by one target cell"]
    assert found == pytest.approx(2e8 * deposited / 2.3e10)
    assert round(found, 3) == each
    assert 230 <= round(1 / found) <= 575


@pytest.mark.parametrize("name", NAMES)
def test_what_is_called_impossible_rests_on_a_measured_load(name: str) -> None:
    # "With the most cargo measured": where nobody has measured it, nothing is impossible by it.
    loads = ("copies_per", "soluble_per_particle", "ligand_copies", "enzyme_copies")
    for one in problems(name, load_catalog()):
        if conservation_ceiling(one).binding >= 0.0:
            continue
        for role, pool in one.pools.items():
            if role.startswith(loads):
                assert any(r.basis != "assumed" for r in pool.records), role


@pytest.mark.parametrize("name", ["inhaled-covid", "exo-cd24"])
def test_the_reason_for_a_verdict_fits_its_mechanism(name: str) -> None:
    for mechanism in summary(asked(name))["mechanisms"]:
        if not mechanism["kind"].startswith("luminal"):
            assert "opened" not in mechanism["why"], mechanism["name"]


def test_own_numbers_are_marked_wherever_they_appear(tmp_path: Path) -> None:
    own = overlay(tmp_path, {"opening.natural_vesicle": (0.02, "fraction")})
    table = summary(asked("mirna-liver-kupffer"), own)
    (mechanism,) = table["mechanisms"]
    mine = next(i for i in mechanism["inputs"] if i["role"] == "opening.natural_vesicle")
    assert (mine["status"], mine["low"], mine["high"]) == ("this lab", 0.02, 0.02)
    (row,) = [n for n in table["numbers"] if n["origin"] != "catalog"]
    assert row["status"] == "this lab"
    assert [r["position"] for r in mechanism["finding"]["rivals"]] == [
        "1.5e5 sites",
        "thousands of sites",
    ]
    # Controls never run on own numbers.
    assert table["controls"] == summary(asked("mirna-liver-kupffer"))["controls"]


def test_a_dose_that_counts_no_vesicles_has_no_table() -> None:
    streams = Streams(1)
    assert dose_table(asked("neighbour-signal"), load_catalog(), streams, where="t") is None
    rna = asked(
        "sirna-vesicles-iv",
        ('amount = "1e12 particle"', 'amount = "0.3 mg_rna/kg"'),
        ('name = "Small EVs loaded with siRNA"', 'name = "A lipid carrier"\ncarrier = "lnp"'),
        ("loaded_copies = 3000\n", ""),
    )
    assert dose_table(rna, load_catalog(), streams, where="t") is None
    found = dose_table(asked("mirna-knee"), load_catalog(), streams, where="t")
    assert found is not None
    assert found.dose.amount == 4e11


def test_a_dose_far_from_every_trial_is_told_and_one_in_a_dish_is_not() -> None:
    assert dose_warning(asked("mirna-knee"), where="t") == ""
    far = asked("mirna-knee", ('"4e11 particle"', '"4e19 particle"'))
    assert "times above" in dose_warning(far, where="t")
    dish = asked("immune-cells-in-a-dish", ('"3e6 particle"', '"3e19 particle"'))
    assert dose_warning(dish, where="t") == ""
    assert dose_warning(asked("neighbour-signal"), where="t") == ""


def test_the_schema_knows_every_stage_that_an_engine_computes() -> None:
    text = files("exosome.claims").joinpath("summary.schema.json").read_text("utf-8")
    depths = json.loads(text)["$defs"]["depths"]["properties"]
    stages = depths["stages"]["items"]["properties"]["stage"]["enum"]
    assert tuple(stages) == get_args(EngineStage)
