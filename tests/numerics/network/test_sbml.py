"""SBML: what is read, what is refused, and a fast subset of the stochastic test suite."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from exosome.core.errors import InputError
from exosome.numerics.network import (
    Compartment,
    Event,
    Network,
    Parameter,
    Species,
    mean_field,
    reaction,
    simulate,
)

pytest.importorskip("libsbml", reason="needs the extra sbml")
from exosome.numerics.sbml import read_sbml, write_sbml

ROOT = Path(__file__).parents[3]
SUITE = ROOT.parent / "shared" / "data" / "dsmts"
MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'
TIME = (
    '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> t </csymbol>'
)


def apply(op, *args):
    return f"<apply>{op if op.startswith('<') else f'<{op}/>'}{''.join(args)}</apply>"


def ci(name):
    return f"<ci>{name}</ci>"


def cn(number):
    return f"<cn>{number}</cn>"


def document(
    *, species, law, reactants="", products="", parameters="", size='size="2"', before="", after="",
    local="", rules="", initial="", events="", reversible="false", units='substanceUnits="item"',
):  # fmt: skip
    def part(tag, inner):
        return f"<listOf{tag}>{inner}</listOf{tag}>" if inner else ""

    return f"""<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
<model id="m" {units} timeUnits="second" extentUnits="item">
{part("FunctionDefinitions", before)}
<listOfCompartments>
<compartment id="V" spatialDimensions="3" {size} constant="false"/></listOfCompartments>
<listOfSpecies>{species}</listOfSpecies>
{part("Parameters", parameters)}{part("InitialAssignments", initial)}{part("Rules", rules)}{after}
<listOfReactions><reaction id="r" reversible="{reversible}" fast="false">
{part("Reactants", reactants)}{part("Products", products)}
<kineticLaw><math {MATH}>{law}</math>{part("LocalParameters", local)}</kineticLaw>
</reaction></listOfReactions>
{part("Events", events)}
</model></sbml>"""


def species(name, start, *, amounts="true", boundary="false", constant="false"):
    return (
        f'<species id="{name}" compartment="V" {start} hasOnlySubstanceUnits="{amounts}" '
        f'boundaryCondition="{boundary}" constant="{constant}"/>'
    )


def parameter(name, value=None, *, constant="true"):
    given = "" if value is None else f'value="{value}"'
    return f'<parameter id="{name}" {given} constant="{constant}"/>'


def reference(name, count=1):
    return f'<speciesReference species="{name}" stoichiometry="{count}" constant="true"/>'


def event(trigger, *assignments, inner="", initial="false"):
    body = "".join(
        f'<eventAssignment variable="{n}"><math {MATH}>{m}</math></eventAssignment>'
        for n, m in assignments
    )
    return f"""<event id="e" useValuesFromTriggerTime="true">
<trigger initialValue="{initial}" persistent="true"><math {MATH}>{trigger}</math></trigger>{inner}
<listOfEventAssignments>{body}</listOfEventAssignments></event>"""


@pytest.fixture
def read(tmp_path):
    def from_text(text):
        path = tmp_path / "model.xml"
        path.write_text(text)
        return read_sbml(path)

    return from_text


def moments(network, name, times, n=20_000):
    values = simulate(network, times, replicates=n, seed=1, observe=(name,)).of(name)
    return values.mean(axis=0), values.var(axis=0)


# Each statistical check below is a z test at 6.1 standard errors: false alarm 1e-9.
def near(mean, expected, variance, n=20_000):
    return abs(mean - expected) < 6.1 * math.sqrt(variance / n) + 1e-12


def test_concentrations_and_sizes(read):
    # d[X]/dt in amounts: rate = k [X] V = k X; initial concentration 50 in size 2 is 100.
    network = read(
        document(
            species=species("X", 'initialConcentration="50"', amounts="false"),
            reactants=reference("X"), parameters=parameter("k", 0.1),
            law=apply("times", ci("k"), ci("X"), ci("V")),
        )
    )  # fmt: skip
    mean, _ = moments(network, "X", [0.0, 5.0])
    left = math.exp(-0.5)
    assert mean[0] == 100
    assert near(mean[1], 100 * left, 100 * left * (1 - left))
    # Without the size in the law the rate halves: X / 2 k.
    halved = read(
        document(
            species=species("X", 'initialConcentration="50"', amounts="false"),
            reactants=reference("X"), parameters=parameter("k", 0.1),
            law=apply("times", ci("k"), ci("X")),
        )
    )  # fmt: skip
    mean, _ = moments(halved, "X", [5.0])
    left = math.exp(-0.25)
    assert near(mean[0], 100 * left, 100 * left * (1 - left))


def test_function_definitions_and_shadowing_locals(read):
    function = (
        f'<functionDefinition id="f"><math {MATH}><lambda><bvar><ci>X</ci></bvar>'
        f"<bvar><ci>q</ci></bvar>{apply('times', ci('q'), ci('X'))}</lambda></math>"
        "</functionDefinition>"
    )
    # f(k, X): the function's own X is bound to k; the local k = 0.3 hides the global 9.
    network = read(
        document(
            species=species("X", 'initialAmount="40"'), reactants=reference("X"), before=function,
            parameters=parameter("k", 9), local='<localParameter id="k" value="0.3"/>',
            law=apply(ci("f"), ci("k"), ci("X")),
        )
    )  # fmt: skip
    left = math.exp(-0.6)
    mean, variance = moments(network, "X", [2.0])
    assert near(mean[0], 40 * left, 40 * left * (1 - left))
    assert variance[0] == pytest.approx(40 * left * (1 - left), rel=0.1)


def test_rules_initial_assignments_boundary_and_constant_species(read):
    text = document(
        species=species("X", "") + species("S", 'initialAmount="3"', boundary="true")
        + species("Y", "", boundary="true", amounts="false"),
        reactants=reference("S"), products=reference("X"),
        parameters=parameter("k", 0.5) + parameter("y", constant="false"),
        initial=f'<initialAssignment symbol="X"><math {MATH}>'
        f'{apply("times", cn(2), ci("S"))}</math>'
        "</initialAssignment>",
        rules=f'<assignmentRule variable="y"><math {MATH}>{apply("plus", ci("X"), cn(1))}</math>'
        f'</assignmentRule><assignmentRule variable="Y"><math {MATH}>{ci("X")}</math>'
        "</assignmentRule>",
        law=apply("times", ci("k"), ci("S")),
    )  # fmt: skip
    network = read(text)
    run = simulate(network, [0.0, 4.0], replicates=20_000, seed=1, observe=("X", "y", "S", "Y"))
    assert np.all(run.of("X")[:, 0] == 6)  # 2 S
    assert np.all(run.of("S") == 3)  # a boundary species feeds, and stays
    assert np.array_equal(run.of("y"), run.of("X") + 1)
    assert np.array_equal(run.of("Y"), 2 * run.of("X"))  # concentration X in size 2
    assert near(run.of("X")[:, 1].mean(), 6 + 6, 6)


def test_events_set_concentrations_parameters_and_sizes(read):
    base = {
        "species": species("X", 'initialAmount="10"', amounts="false"), "products": reference("X"),
        "parameters": parameter("k", 0, constant="false"), "law": ci("k"),
    }  # fmt: skip
    at_two = apply("geq", TIME, cn(2))
    network = read(document(**base, events=event(at_two, ("X", cn(7)), ("k", cn(0)))))
    assert simulate(network, [1, 2], replicates=1, seed=1).values[0, :, 0].tolist() == [10, 14]
    # A larger compartment keeps the amount; the concentration in a rate falls.
    grown = read(document(**base, events=event(at_two, ("V", cn(8)))))
    run = simulate(grown, [1, 2], replicates=1, seed=1, observe=("X", "V"))
    assert run.values[0].tolist() == [[10, 2], [10, 8]]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"reversible": "true"}, "reversible"),
        ({"reactants": reference("X", 1.5)}, "stoichiometry 1.5"),
        ({"units": 'substanceUnits="mole"'}, "mole"),
        ({"law": apply("sinh", ci("X"))}, "operation"),
        ({"rules": f'<rateRule variable="k"><math {MATH}>{cn(1)}</math></rateRule>',
          "parameters": parameter("k", 1, constant="false")}, "rate rule"),
        ({"rules": f"<algebraicRule><math {MATH}>{ci('k')}</math></algebraicRule>"}, "algebraic"),
        ({"after": f"<listOfConstraints><constraint><math {MATH}>{apply('gt', ci('X'), cn(0))}"
          "</math></constraint></listOfConstraints>"}, "constraints"),
        ({"events": event(apply("gt", ci("X"), cn(3)), ("X", cn(1)),
          inner=f"<delay><math {MATH}>{cn(1)}</math></delay>")}, "delay"),
        ({"events": event(apply("gt", ci("X"), cn(3)), ("X", cn(1)),
          inner=f"<priority><math {MATH}>{cn(1)}</math></priority>")}, "priority"),
        ({"law": ci("V"), "size": ""}, "V"),
        ({"law": apply("times", ci("X"), TIME)}, "time"),
        ({"species": species("X", 'initialAmount="1.5"')}, "no count"),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_refused_by_name(read, change, named):
    base = {
        "species": species("X", 'initialAmount="4"'), "reactants": reference("X"),
        "parameters": parameter("k", 1), "law": apply("times", ci("k"), ci("X")),
    }  # fmt: skip
    with pytest.raises(InputError, match=named):
        simulate(read(document(**(base | change))), [1.0], replicates=1, seed=1)


def test_other_levels_and_broken_files_are_refused(read, tmp_path):
    with pytest.raises(InputError):
        read("<sbml/>")
    with pytest.raises(InputError, match="no such file"):
        read_sbml(tmp_path / "none.xml")


WRITTEN = Network(
    "written",
    (Species("A", 60, "V"), Species("B", 0, "V"), Species("S", 2, "V", fixed=True)),
    (
        reaction("pair", "2 A -> B", constant="k"),
        reaction("split", "B -> 2 A", rate="0.1 * B if time < 3 else 0.05 * B"),
        reaction("feed", "S -> A + S", rate="min(S, 3) * sqrt(V) / (1 + exp(-A / 10)) * y / y"),
    ),
    (Parameter("k", 0.01), Parameter("y", 1.0)), (Compartment("V", 4.0),),
    (Event("dose", "time >= 2", (("A", "A + 20"),)),), (("y", "1 + A"),), (("S", "V / 2"),),
)  # fmt: skip


@pytest.mark.parametrize("limit", [False, True])
def test_what_is_written_is_read_back(read, limit):
    back = read(write_sbml(WRITTEN, mean_field=limit))
    assert back.names == WRITTEN.names
    times = np.linspace(0, 5, 6)
    for one in ("reference", "direct"):
        a, b = (simulate(n, times, replicates=3, seed=1, method=one) for n in (WRITTEN, back))
        if not limit:
            assert np.array_equal(a.values, b.values)
    if limit:
        assert np.allclose(mean_field(back, times).values, mean_field(WRITTEN, times).values)


def test_names_that_sbml_cannot_hold_are_refused():
    with pytest.raises(InputError, match="identifiers"):
        write_sbml(Network("n", (Species("pi", 1),), (reaction("r", "pi ->", constant=1.0),)))


def test_libroadrunner_integrates_the_export_as_we_do():
    roadrunner = pytest.importorskip("roadrunner", reason="needs the extra bench")
    model = roadrunner.RoadRunner(write_sbml(WRITTEN, mean_field=True))
    model.integrator.relative_tolerance = 1e-12
    model.integrator.absolute_tolerance = 1e-12
    theirs = np.array(model.simulate(0, 10, 11, ["A", "B"]))
    ours = mean_field(WRITTEN, np.linspace(0, 10, 11), observe=("A", "B"))
    # At the event itself the peer saves the value before it.
    later = np.arange(11) != 2
    assert np.allclose(theirs[later], ours.values[later], rtol=1e-6)


@pytest.mark.parametrize("name", ["00001", "00011", "00028", "00033", "00037"])
def test_suite_subset(name):
    # Two declared stages with 2,000 and 8,000 runs for each saved point. A sound solver fails
    # one of these five with a chance of 5e-4, by design of the suite; the seed is fixed.
    if not SUITE.is_dir():
        pytest.skip("the test suite is not beside the project")
    spec = importlib.util.spec_from_file_location("dsmts", ROOT / "verify" / "dsmts.py")
    dsmts = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["dsmts"] = dsmts
    spec.loader.exec_module(dsmts)
    case = dsmts.read_case(SUITE / name)
    outcome = dsmts.verdict(dsmts.run_case(case, 2000, 1, f"dsmts.{name}", "auto"))
    if outcome == "again":
        outcome = dsmts.verdict(
            dsmts.run_case(case, 8000, 1, f"dsmts.second.{name}", "auto"), decides=True
        )
    assert outcome == "pass"
