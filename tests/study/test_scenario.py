"""What a claim file may say about the physics, and what it may not."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from exosome.core.errors import InputError, UnitMismatchError
from exosome.delivery.question import (
    GivenTable,
    Independent,
    Luminal,
    NaturalRelease,
    Packed,
    Saturation,
    SolubleCoisolate,
    SurfaceEnzyme,
    SurfaceLigand,
    Titration,
)
from exosome.study.scenario import Scenario, questions

if TYPE_CHECKING:
    from exosome.delivery.question import Question

BASE: dict[str, Any] = {
    "product": {"name": "vesicles"},
    "dose": {"route": "intravenous", "amount": "1e12 particle"},
    "target": {"organ": "liver", "cell": "hepatocyte"},
    "effect": {"outcome": "something", "responding_fraction": 0.2},
    "mechanism": [{"kind": "luminal_rna", "cargo": "natural_mirna", "occupied_share": 0.3}],
}


def changed(path: str = "", value: Any = None, *, without: str = "") -> dict[str, Any]:
    table = copy.deepcopy(BASE)
    for dotted, new in ((path, value), (without, None)):
        if not dotted:
            continue
        *parts, last = dotted.split(".")
        inner: Any = table
        for part in parts:
            inner = inner[int(part)] if part.isdigit() else inner.setdefault(part, {})
        if dotted == without:
            del inner[last]
        else:
            inner[int(last) if last.isdigit() else last] = new
    return table


def asked(table: dict[str, Any]) -> Question:
    (one,) = questions(Scenario.model_validate(table), where="test")
    return one


def refused(table: dict[str, Any]) -> str:
    with pytest.raises((ValidationError, InputError)) as e:
        questions(Scenario.model_validate(table), where="test")
    return str(e.value)


def test_a_scenario_becomes_one_question_for_each_mechanism() -> None:
    one = asked(BASE)
    assert isinstance(one.mechanism, Luminal)
    assert one.mechanism.needed == Titration(0.3)
    assert one.mechanism.packing == Independent()
    assert one.mechanism.per_particle
    assert (one.given.amount, one.given.metric) == (1e12, "particle")  # type: ignore[union-attr]
    assert (one.responding_fraction, one.organ, one.target) == (0.2, "liver", "hepatocyte")
    table = changed("mechanism.0", BASE["mechanism"][0])
    table["mechanism"].append({"kind": "surface_ligand", "ligand": "pd_l1", "receptor": "pd1"})
    both = questions(Scenario.model_validate(table), where="x.toml")
    assert [q.name for q in both] == ["x.toml mechanism[0]", "x.toml mechanism[1]"]
    assert both[1].mechanism == SurfaceLigand("pd_l1", "pd1")


def test_half_of_the_cells_must_respond_where_no_fraction_is_declared() -> None:
    assert asked(changed(without="effect.responding_fraction")).responding_fraction == 0.5
    assert asked(changed(without="effect")).responding_fraction == 0.5


@pytest.mark.parametrize(
    ("spec", "packing"),
    [
        ("independent", Independent()),
        ({"copies": 100}, Packed(100.0)),
        ({"copies": [0, 4], "shares": [0.75, 0.25]}, GivenTable((0.0, 4.0), (0.75, 0.25))),
    ],
)
def test_three_ways_of_packing(spec: object, packing: object) -> None:
    mechanism = asked(changed("mechanism.0.packing", spec)).mechanism
    assert mechanism.packing == packing  # type: ignore[union-attr]


def test_other_mechanisms_carry_their_own_facts() -> None:
    enzyme = {
        "kind": "surface_enzyme",
        "enzyme": "cd73",
        "product": "adenosine",
        "setting": "joint",
        "volume": "200 uL",
    }
    assert asked(changed("mechanism.0", enzyme)).mechanism == SurfaceEnzyme(
        "cd73", "adenosine", "joint", 0.5, volume_ml=0.2
    )
    soluble = {"kind": "soluble_coisolate", "factor": "tgf_beta", "setting": "plasma"}
    assert asked(changed("mechanism.0", soluble)).mechanism == SolubleCoisolate(
        "tgf_beta", "plasma", 0.5
    )
    loaded = {"kind": "luminal_protein", "cargo": "cas9_rnp", "share_of_maximum": 0.8}
    mechanism = asked(changed("mechanism.0", loaded)).mechanism
    assert isinstance(mechanism, Luminal)
    assert mechanism.needed == Saturation(0.8)
    assert not mechanism.per_particle


def test_a_natural_release_takes_the_place_of_a_dose() -> None:
    table = changed(without="target.organ")
    table["dose"] = {"route": "neighbour", "released_by": "fibroblast", "within": "100um"}
    assert asked(table).given == NaturalRelease("fibroblast", "100um")


def test_a_dose_is_never_dropped_in_silence() -> None:
    # Both a dose and a natural release: which of them is meant?
    table = changed("dose.released_by", "fibroblast")
    table["dose"]["within"] = "100um"
    try:
        given = asked(table).given
    except (ValidationError, InputError):
        return
    assert not isinstance(given, NaturalRelease)


@pytest.mark.parametrize(
    "dose",
    [
        {
            "route": "neighbour",
            "released_by": "fibroblast",
            "within": "100um",
            "amount": "1 vesicle",
        },
        {"route": "neighbour", "released_by": "fibroblast"},
        {"route": "neighbour", "within": "100um"},
        {"route": "intravenous"},
        {"route": "intravenous", "released_by": "fibroblast", "within": "100um"},
    ],
)
def test_a_dose_has_exactly_one_source(dose: dict[str, str]) -> None:
    refused(changed("dose", dose))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("cargo", ["natural_mirna", "sirna"])
def test_a_declared_need_is_never_dropped_in_silence(cargo: str, share: float) -> None:
    spec = {"kind": "luminal_rna", "cargo": cargo, "loaded_copies": 10, "occupied_share": share}
    try:
        mechanism = asked(changed("mechanism.0", spec)).mechanism
    except (ValidationError, InputError):
        return
    assert mechanism.needed == Titration(share)  # type: ignore[union-attr]


def test_sources_for_a_parameter_that_is_not_used_are_refused() -> None:
    from exosome.catalog.load import load_catalog
    from exosome.study.plan import plan

    read = Scenario.model_validate(changed("sources", {"km.cd73": ["k88"]}))
    with pytest.raises(InputError, match=r"km\.cd73") as e:
        plan(read, load_catalog(), seed=1)
    assert "uptake_cv" in e.value.remedy


def test_sources_may_be_named_for_a_parameter_of_one_mechanism_among_several() -> None:
    from exosome.catalog.load import load_catalog
    from exosome.study.plan import plan

    table = {
        "product": {"name": "vesicles"},
        "dose": {"route": "in_vitro", "amount": "3e6 particle"},
        "target": {"cell": "t_cell", "cells": "1e4 cell"},
        "mechanism": [
            {"kind": "luminal_rna", "cargo": "natural_mirna"},
            {"kind": "surface_ligand", "ligand": "pd_l1", "receptor": "pd1"},
        ],
        "sources": {"opening.natural_vesicle": ["f05"]},
    }
    planned = plan(Scenario.model_validate(table), load_catalog(), seed=1)
    records = planned.problems[0].pools["opening.natural_vesicle"].records
    assert [record.id for record in records] == ["f05"]


def test_sources_that_no_mechanism_uses_are_refused() -> None:
    from exosome.catalog.load import load_catalog
    from exosome.study.plan import plan

    scenario = Scenario.model_validate({**BASE, "sources": {"km.cd73": ["k88"]}})
    with pytest.raises(InputError, match=r"km\.cd73"):
        plan(scenario, load_catalog(), seed=1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("mechanism", []),
        ("mechanism.0.occupied_share", 0.0),
        ("mechanism.0.occupied_share", 1.0),
        ("mechanism.0.occupied_share", float("nan")),
        ("mechanism.0.occupied_share", "0.3"),
        ("mechanism.0.loaded_copies", 0),
        ("mechanism.0.loaded_copies", float("inf")),
        ("mechanism.0.packing", {"copies": 0}),
        ("mechanism.0.packing", "poisson"),
        ("mechanism.0.packing", {"copies": [1, 2], "shares": [1.0]}),
        ("mechanism.0.packing", {"copies": [], "shares": []}),
        ("mechanism.0.packing", {"copies": [0, 1], "shares": [0.5, 0.4]}),
        ("mechanism.0.packing", {"copies": [0, 1], "shares": [1.5, -0.5]}),
        ("mechanism.0.packing", {"copies": [0, -1], "shares": [0.5, 0.5]}),
        ("mechanism.0.packing", {"copies": [0, 1.5], "shares": [0.5, 0.5]}),
        ("mechanism.0.share_of_maximum", 0.5),
        ("effect.responding_fraction", 0.0),
        ("effect.responding_fraction", 1.0),
        ("target.cell", ""),
        ("target.cell", "Hepatocyte"),
        ("target.cell", "hepato cyte"),
        ("target.cells", "0 cell"),
        ("target.cells", "-5 cell"),
        ("target.cells", "1e4"),
        ("target.cells", "1e4 vesicle"),
        ("target.organ", "Liver."),
        ("dose.route", "oral"),
        ("dose.amount", 1e12),
        ("dose.body_weight", "70"),
        ("product.carrier", "exosome"),
        ("product.tags", ["not a word"]),
        ("product.price", 5),
    ],
)
def test_values_that_mean_nothing_are_refused(path: str, value: object) -> None:
    refused(changed(path, value))


@pytest.mark.parametrize("path", ["product", "dose", "target", "mechanism", "target.cell"])
def test_what_is_missing_is_refused(path: str) -> None:
    assert "required" in refused(changed(without=path))


def test_a_given_table_opens_whole_vesicles_only() -> None:
    table = changed("mechanism.0.packing", {"copies": [0, 4], "shares": [0.5, 0.5]})
    table["mechanism"][0]["opening"] = "partial"
    assert "all_or_none" in refused(table)


def test_shares_that_add_up_in_the_file_add_up_in_the_chain() -> None:
    from exosome.catalog.load import load_catalog
    from exosome.delivery.problem import pose

    thirds = {"copies": [0, 1, 2], "shares": [0.3333333, 0.3333333, 0.3333333]}
    table = changed("mechanism.0.packing", thirds)
    try:
        one = asked(table)
    except (ValidationError, InputError):
        return
    pose(one, load_catalog())


@pytest.mark.parametrize(
    ("route", "organ"), [("in_vitro", "liver"), ("inhaled", "liver"), ("intra_articular", "lung")]
)
def test_an_organ_that_the_route_does_not_reach_is_refused(route: str, organ: str) -> None:
    table = changed("dose.route", route)
    table["target"]["organ"] = organ
    assert organ in refused(table)


def test_a_vein_leads_to_an_organ() -> None:
    assert "organ" in refused(changed(without="target.organ"))


def test_a_scenario_cannot_be_changed_after_it_was_read() -> None:
    scenario = Scenario.model_validate(BASE)
    with pytest.raises(ValidationError):
        scenario.dose.amount = "1 particle"  # type: ignore[misc]


@pytest.mark.parametrize("amount", ["1e11", "100 ug", "2 nmol", "-1 particle", "0 particle", ""])
def test_amounts_that_count_nothing_are_refused(amount: str) -> None:
    with pytest.raises(UnitMismatchError) as e:
        asked(changed("dose.amount", amount))
    assert e.value.where.startswith("test dose.amount")


def test_a_sourced_weight_and_cells_are_read_in_their_units() -> None:
    table = changed("dose.body_weight", "70000 g")
    table["dose"]["amount"] = "1e10 particle/kg"
    table["target"]["cells"] = "2e4 cells"
    one = asked(table)
    assert (one.body_weight_kg, one.cells) == (70.0, 2e4)
