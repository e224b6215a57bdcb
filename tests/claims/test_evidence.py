from __future__ import annotations

import csv
import inspect
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exosome.catalog.record import DOI
from exosome.claims.evidence import (
    LEVELS,
    Arm,
    Finding,
    Study,
    applicable,
    evidence_for,
    evidence_lines,
    known_tags,
    level_of,
    load_book,
    read_book,
    recount,
    risk_ratio,
    tallies,
    upper_bound_of_zero_events,
)
from exosome.core.errors import CatalogError, InputError

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


def reference(name: str) -> str:
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"the reference file {name} is not beside this checkout")
    return path.read_text("utf-8")


def study(number: int = 1, **changes: object) -> Study:
    finding = {"outcome": "death", "kind": "effect", "direction": "for", "result": "fewer"}
    entry: dict[str, object] = {
        "id": f"s{number}",
        "name": f"Study {number}",
        "year": 2020,
        "design": "controlled_human",
        "n": 20,
        "population": "ARDS",
        "product": "vesicles",
        "given": "alone",
        "comparator": "placebo",
        "contrast": "vesicles",
        "indications": ["ards"],
        "use": ["HO"],
        "reading": "read",
        "doi": "10.1000/x",
    }
    for key, value in changes.items():
        if key in {"outcome", "kind", "direction", "mechanisms", "arm"}:
            finding[key] = value  # type: ignore[assignment]
        else:
            entry[key] = value
    return Study.model_validate({**entry, "finding": [finding]})


def not_human(design: str, number: int = 1, **changes: object) -> Study:
    return study(number, design=design, n=0, use=[], **changes)


def lines(*studies: Study):
    return evidence_lines((one, finding) for one in studies for finding in one.findings)


# --- the records


def test_every_study_of_the_reference_table_is_recorded():
    section = reference("evidence.md").split("## 3.")[1].split("## 5.")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    held = load_book().studies
    names = " ".join(f"{one.name} {one.product} {one.note}" for one in held).casefold()
    for row in rows:
        first = row.split("|")[1].strip()
        word = first.split(" (")[0].split(" ")[0].casefold()
        assert word in names, first
    stated = set(re.findall(r"NCT\d{8}|PMID \d+|10\.\d{4,9}/[^\s|)]+", "\n".join(rows)))
    recorded = {name.removeprefix("doi:") for one in held for name in one.identifiers}
    assert stated - recorded == set()


def test_identifiers_parse_and_every_study_can_be_found():
    for one in load_book().studies:
        assert one.identifiers or one.note
        for name in one.identifiers:
            assert re.fullmatch(
                r"NCT\d{8}|ACTRN\d{14}|BLA \d{4}|PMID \d{7,8}|PMC\d+|doi:.+", name
            ), name
            if name.startswith("doi:"):
                assert DOI.match(name.removeprefix("doi:"))


def test_catalog_rows_named_by_studies_exist():
    rows = {row["id"] for row in csv.DictReader(reference("biology-numbers.csv").splitlines())}
    assert {row for one in load_book().studies for row in one.catalog} <= rows


def test_the_scope_says_that_the_list_is_no_systematic_search():
    summary = evidence_for(indication="systemic_ageing")
    assert "not by a systematic search" in summary.scope


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"design": "simulation"}, "design"),
        ({"doi": "11.1/x"}, "not a DOI"),
        ({"registry": ["NCT123"]}, "registry"),
        ({"design": "in_vitro", "use": []}, "only a human study"),
        ({"n": 0}, "a human study has people"),
        ({"contrast": "none"}, "a controlled study compares arms"),
        ({"design": "uncontrolled_human"}, "an uncontrolled study has no contrast"),
        ({"use": []}, "name a use"),
        ({"doi": ""}, "give an identifier"),
        ({"kind": "mechanism"}, "names mechanisms"),
        ({"arm": [{"label": "a", "n": 3, "events": 4}]}, "4 events in 3"),
        ({"weight": 3}, "weight"),
    ],
)
def test_a_record_that_breaks_a_rule_cannot_be_built(change, words):
    with pytest.raises(ValueError, match=words):
        study(**change)


def test_a_broken_file_names_itself():
    for text in ("scope = ", 'scope = "x"\nstudy = []'):
        with pytest.raises(CatalogError, match=r"mine\.toml"):
            read_book(text, where="mine.toml")


# --- levels


def test_level_of_one_finding():
    human = {"design": "uncontrolled_human", "contrast": "none", "comparator": "none"}
    cases = {
        "none": study(direction="unreported"),
        "in vitro": not_human("in_vitro"),
        "animal": not_human("animal"),
        "uncontrolled human": study(**human),
        "controlled human": study(),
    }
    for level, one in cases.items():
        assert level_of(one, one.findings[0]) == level
    cells = study(given="not_vesicles")
    assert level_of(cells, cells.findings[0]) == "none"


def test_replicated_needs_two_agreeing_controlled_studies_of_one_question():
    assert lines(study(1))[0].level == "controlled human"
    (line,) = lines(study(1), study(2))
    assert (line.level, line.direction) == ("replicated", "for")
    (line,) = lines(study(1, direction="null"), study(2, direction="null"))
    assert (line.level, line.direction) == ("replicated", "null")
    (line,) = lines(study(1), study(2, direction="null"))
    assert (line.level, line.direction) == ("controlled human", "mixed")
    (line,) = lines(study(1, direction="mixed"), study(2, direction="mixed"))
    assert line.level == "controlled human"
    for change in ({"outcome": "pain"}, {"population": "sepsis"}, {"comparator": "saline"}):
        assert {line.level for line in lines(study(1), study(2, **change))} == {"controlled human"}


def test_a_lower_level_neither_lends_nor_takes_direction():
    below = not_human("animal", 2, direction="against")
    (line,) = lines(study(1), below)
    assert (line.level, line.direction) == ("controlled human", "for")


def test_headline_keeps_the_lower_levels_in_sight():
    book = load_book().model_copy(
        update={"studies": (study(1, direction="null"), not_human("animal", 2, outcome="fever"))}
    )
    headline = evidence_for(indication="ards", book=book).headline()
    assert str(headline) == "controlled human, null"
    assert headline.by_level == (("controlled human", "null"), ("animal", "for"))


def test_a_level_that_nobody_has_read_says_so():
    book = load_book().model_copy(update={"studies": (study(1, reading="recalled"),)})
    assert str(evidence_for(indication="ards", book=book).headline()).endswith(
        "(recalled, not read)"
    )


DESIGNS = st.sampled_from(["in_vitro", "animal", "uncontrolled_human", "controlled_human"])


@given(st.lists(DESIGNS, min_size=1, max_size=5), DESIGNS)
def test_a_further_study_never_lowers_the_level(designs, further):
    def made(number: int, design: str) -> Study:
        if design in {"in_vitro", "animal"}:
            return not_human(design, number)
        if design == "controlled_human":
            return study(number)
        return study(number, design=design, contrast="none")

    held = [made(i, design) for i, design in enumerate(designs)]
    before = lines(*held)[0].level
    after = lines(*held, made(99, further))[0].level
    assert LEVELS.index(after) >= LEVELS.index(before)


def test_no_simulation_can_enter():
    names = set(inspect.signature(evidence_for).parameters)
    assert names == {"indication", "routes", "mechanisms", "products", "book"}
    with pytest.raises(ValueError, match="design"):
        study(design="simulated")


# --- counting


def test_zero_is_counted_and_shown_as_zero():
    summary = evidence_for(indication="systemic_ageing", products=["msc_ev"])
    assert summary.controlled_human.studies == 0
    assert summary.controlled_human.people == 0
    assert (summary.level, summary.direction) == ("none", None)
    assert "alone: 0 (0 people)" in summary.count_sentence()
    assert len(summary.use_tallies) == 7
    assert all(": 0" in str(tally) for tally in summary.use_tallies)


def test_counts_are_computed_from_the_records():
    summary = evidence_for()
    held = load_book().studies
    assert sum(tally.studies for tally in summary.use_tallies) == len(held)
    controlled = [
        one
        for one in held
        if any(level_of(one, finding) == "controlled human" for finding in one.findings)
    ]
    assert summary.controlled_human.studies == len(controlled) > 0
    assert summary.controlled_human.people == sum(one.n or 0 for one in controlled)
    assert summary.controlled_human.people_unknown == sum(one.n is None for one in controlled)


def test_each_study_is_counted_once_in_its_highest_row():
    mixed = Study.model_validate(
        {
            **study(1).model_dump(exclude={"findings"}),
            "finding": [
                {
                    "outcome": outcome,
                    "kind": "effect",
                    "direction": "for",
                    "result": "better",
                    "contrast": contrast,
                }
                for outcome, contrast in (("a", "none"), ("b", "vesicles"))
            ],
        }
    )
    counted = tallies([(mixed, mixed.findings), (mixed, mixed.findings[:1])])
    assert [(t.row, t.studies) for t in counted if t.studies] == [
        ("controlled", 1),
        ("combined", 1),
    ]


def test_vesicles_alone_are_told_apart_from_vesicles_with_cells():
    summary = evidence_for(
        indication="acute_respiratory_distress", routes=["intravenous"], products=["msc_ev"]
    )
    rows = {tally.row: tally.studies for tally in summary.use_tallies}
    assert rows["controlled"] == 1
    assert rows["combined"] == 1
    given_as = {one.study.name: one.study.given for one in summary.applied}
    assert given_as["Zarrabi 2023"] == "with_cells"
    assert given_as["Lightner 2023 (ExoFlo phase 2)"] == "alone"
    # A trial of cells with vesicles gives no controlled evidence on vesicles.
    assert all(
        line.level != "controlled human"
        for line in summary.lines
        if line.studies == ("Zarrabi 2023",)
    )


def test_a_registered_trial_without_result_is_listed_and_raises_nothing():
    book = load_book().model_copy(update={"studies": (study(1, direction="unreported"),)})
    summary = evidence_for(indication="ards", book=book)
    assert summary.level == "none"
    assert {t.row: t.studies for t in summary.use_tallies}["unreported"] == 1


# --- zero events and recounts


@pytest.mark.parametrize(("n", "percent"), [(5, 45), (7, 35), (8, 31), (9, 28), (11, 24), (24, 12)])
def test_zero_events_still_allow(n, percent):
    assert round(100 * upper_bound_of_zero_events(n)) == percent


@given(st.integers(1, 10_000), st.floats(0.5, 0.999))
def test_upper_bound_is_the_share_at_which_seeing_none_is_unlikely(n, confidence):
    share = upper_bound_of_zero_events(n, confidence)
    assert math.isclose((1.0 - share) ** n, 1.0 - confidence, rel_tol=1e-6)


@pytest.mark.parametrize(("n", "confidence"), [(0, 0.95), (5, 1.0), (5, 0.0)])
def test_no_bound_without_people_or_confidence(n, confidence):
    with pytest.raises(InputError):
        upper_bound_of_zero_events(n, confidence)


def test_every_arm_without_harm_gets_its_bound():
    seen = {(zero.study, zero.n) for zero in evidence_for(indication="covid19").zero_events}
    assert {("Sengupta 2020", 24), ("Zhu 2022 (MEXCOVID)", 7)} <= seen
    assert not any(name == "Zarrabi 2023" for name, _ in seen)  # deaths, not harms of a product


def test_printed_risk_ratios_are_recounted():
    ratios = {ratio.arm: ratio for _, ratio in evidence_for(indication="covid19").recounts}
    twice, with_vesicles = ratios["MSC twice"], ratios["MSC, then vesicles"]
    assert [round(x, 2) for x in (twice.ratio, twice.low, twice.high)] == [0.82, 0.27, 2.50]
    assert [round(x, 2) for x in (with_vesicles.ratio, with_vesicles.low, with_vesicles.high)] == [
        0.16,
        0.01,
        2.55,
    ]
    assert twice.agrees is False
    assert with_vesicles.agrees is False


def test_a_ratio_of_two_zeros_is_refused_and_skipped():
    none = [Arm(label=name, n=10, events=0) for name in ("treated", "control")]
    with pytest.raises(InputError):
        risk_ratio(*none)
    one = study(arm=[arm.model_dump() for arm in none])
    assert recount(one.findings[0]) == ()
    assert risk_ratio(Arm(label="a", n=10, events=5), Arm(label="b", n=10, events=5)).agrees is None


# --- selection


def test_skin_never_passes_for_ageing():
    assert evidence_for(indication="facial_skin_ageing").controlled_human.studies >= 2
    for name in ("systemic_ageing", "ageing", "anti_ageing"):
        assert evidence_for(indication=name).applied == ()


def test_a_tag_that_no_study_carries_is_named():
    summary = evidence_for(
        indication="knee_osteoartritis", routes=["intra_articular"], products=["msc_evs"]
    )
    assert summary.applied == ()
    disease, product = summary.unmatched
    assert "indication 'knee_osteoartritis'; the nearest tag is 'knee_osteoarthritis'" in disease
    assert "product 'msc_evs'; the nearest tag is 'msc_ev'" in product


def test_routes_and_products_conflict_only_where_both_are_named():
    held = (
        study(1, routes=["inhaled"]),
        study(2, routes=["intravenous"]),
        not_human("in_vitro", 3),
        study(4, products=["platelet_ev"]),
    )
    found = applicable(held, indication="ards", routes=["intravenous"], products=["msc_ev"])
    assert [one.study.id for one in found] == ["s2", "s3"]
    found = applicable(held, routes=["inhaled"])
    assert [(one.study.id, one.because) for one in found] == [("s1", ("route inhaled",))]
    assert len(applicable(held)) == 4


def test_a_mechanism_lends_its_own_findings_only():
    both = Study.model_validate(
        {
            **study(1).model_dump(exclude={"findings"}),
            "finding": [
                {"outcome": "death", "kind": "effect", "direction": "for", "result": "fewer"},
                {
                    "outcome": "receptor",
                    "kind": "mechanism",
                    "direction": "for",
                    "result": "bound",
                    "mechanisms": ["surface_ligand"],
                },
            ],
        }
    )
    book = load_book().model_copy(update={"studies": (both,)})
    elsewhere = evidence_for(indication="stroke", mechanisms=["surface_ligand"], book=book)
    assert elsewhere.level == "none"
    assert elsewhere.controlled_human.studies == 0
    assert elsewhere.headline("mechanism", "surface_ligand").level == "controlled human"
    here = evidence_for(indication="ards", mechanisms=["surface_ligand"], book=book)
    assert here.level == "controlled human"
    assert len(here.lines) == 2
    alone = evidence_for(mechanisms=["surface_ligand"], products=["msc_ev"], book=book)
    assert "names a mechanism and no use" in alone.count_sentence()


def test_an_unknown_mechanism_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="the nearest is 'surface_enzyme'"):
        evidence_for(mechanisms=["surface_enzymes"])


def test_mechanisms_of_the_delivery_chain_can_all_be_asked():
    for name in (
        "luminal_rna",
        "luminal_protein",
        "surface_ligand",
        "surface_enzyme",
        "soluble_coisolate",
    ):
        assert evidence_for(mechanisms=[name]).applied


def test_cd73_is_mixed_and_natural_cargo_release_is_disputed():
    asked = evidence_for(mechanisms=["surface_enzyme"], products=["msc_ev"])
    assert str(asked.headline("mechanism", "surface_enzyme")) == "in vitro, mixed"
    asked = evidence_for(mechanisms=["luminal_rna"], products=["msc_ev"])
    assert asked.headline("mechanism", "luminal_rna").direction == "mixed"
    # Engineered and fusogenic vesicles do not speak for MSC vesicles.
    assert not any("engineered_ev" in one.study.products for one in asked.applied)


def test_safety_is_an_axis_of_its_own():
    summary = evidence_for(
        indication="acute_respiratory_distress", routes=["intravenous"], products=["exoflo"]
    )
    assert str(summary.headline("effect")) == "controlled human, null"
    assert str(summary.headline("safety")) == "uncontrolled human, for"
    assert [one.year for one in summary.background if one.sort == "notice"] == [2019]
    assert any("0.7 %" in one.result for one in summary.background)


def test_known_tags_are_those_of_the_records():
    tags = known_tags(load_book().studies)
    assert "covid19" in tags["indication"]
    assert "intravenous" in tags["route"]
    assert "msc_ev" in tags["product"]


def test_findings_take_population_and_comparator_from_their_study():
    one = study()
    assert isinstance(one.findings[0], Finding)
    assert (one.findings[0].population, one.findings[0].comparator) == ("ARDS", "placebo")
    assert one.mechanisms == ()
