"""Networks from and to SBML Level 3 Core.

Reads what can be simulated with whole counts: compartments, species in amounts or
concentrations, boundary and constant species, function definitions, local parameters,
assignment rules, initial assignments and events. Everything else is refused by name, all
faults at once: a wrong number is worse than none. Needs the extra ``sbml``.

In a `Network` a species is a count. Where SBML's formulas mean a concentration
(``hasOnlySubstanceUnits`` false), the reader writes count / size.

References
----------
.. [1] Hucka et al., SBML Level 3 Version 2 Core, Release 2.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from xml.sax.saxutils import escape

from exosome.core.errors import InputError
from exosome.numerics.network.description import (
    Compartment,
    Event,
    Network,
    Parameter,
    Reaction,
    Species,
    tree_of,
)
from exosome.numerics.network.expression import (
    Apply,
    Expression,
    Number,
    Symbol,
    Time,
    folded,
    symbols,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exosome.numerics.network.description import Side

# libsbml is generated code without types: its objects are Any throughout this module.

_BINARY = {
    "minus": "sub", "divide": "div", "power": "pow", "lt": "lt", "leq": "le", "gt": "gt",
    "geq": "ge", "eq": "eq", "neq": "ne",
}  # fmt: skip
_UNARY = {
    "exp": "exp", "ln": "ln", "abs": "abs", "floor": "floor", "ceiling": "ceil", "sin": "sin",
    "cos": "cos", "tan": "tan", "tanh": "tanh", "not": "not",
}  # fmt: skip
_FOLDED = {"plus": ("add", 0.0), "times": ("mul", 1.0), "and": ("and", 1.0), "or": ("or", 0.0)}
_AVOGADRO = 6.02214179e23  # the value that SBML Level 3 Version 1 fixes for its csymbol
_WHOLE = 1e-9


def _libsbml() -> Any:
    """Return libsbml, or say which extra brings it."""
    try:
        import libsbml
    except ImportError as fault:
        raise InputError(
            "python-libsbml is not installed",
            where="SBML",
            remedy="pip install 'exosome[sbml]'",
        ) from fault
    return cast("Any", libsbml)


class _Reader:
    """One document being read; faults are collected and raised together."""

    def __init__(self, path: Path) -> None:
        self.sbml = _libsbml()
        self.path = path
        self.faults: list[str] = []
        document = self.sbml.readSBMLFromFile(str(path))
        serious = [
            document.getError(k).getMessage().strip().splitlines()[0]
            for k in range(document.getNumErrors())
            if document.getError(k).getSeverity() >= self.sbml.LIBSBML_SEV_ERROR
        ]
        self.faults += serious
        self.model: Any = document.getModel()
        if self.model is None or serious:
            self.faults = serious or ["the document has no model"]
            self.stop_if_faulty()
        if document.getLevel() != 3:
            self.faults.append(f"SBML Level {document.getLevel()}")
        for k in range(document.getNumPlugins()):
            plugin = document.getPlugin(k)
            self.faults.append(f"package {plugin.getPackageName()!r}")
        self.functions: dict[str, tuple[list[str], Any]] = {}
        self.in_concentration: dict[str, str] = {}

    def stop_if_faulty(self) -> None:
        """Raise InputError with every construct that is not supported."""
        if self.faults:
            raise InputError(
                "not supported: " + "; ".join(dict.fromkeys(self.faults)),
                where=str(self.path.name),
                remedy="remove or rewrite these parts, or run the model elsewhere",
            )

    # Formulas

    def tree(self, node: Any, scope: dict[str, Expression], where: str) -> Expression:
        """Return the tree of a MathML node; ``scope`` binds local names."""
        if node is None:
            self.faults.append(f"{where}: no formula")
            return Number(math.nan)
        kind = self.sbml
        code = node.getType()
        name = node.getName() or ""
        args = [node.getChild(k) for k in range(node.getNumChildren())]
        constants = {
            kind.AST_CONSTANT_PI: math.pi, kind.AST_CONSTANT_E: math.e,
            kind.AST_CONSTANT_TRUE: 1.0, kind.AST_CONSTANT_FALSE: 0.0,
            kind.AST_NAME_AVOGADRO: _AVOGADRO,
        }  # fmt: skip
        if node.isNumber():
            return Number(float(node.getValue()))
        if code in constants:
            return Number(constants[code])
        if code == kind.AST_NAME_TIME:
            return Time()
        if code == kind.AST_NAME:
            return scope[name] if name in scope else self.value(name)
        if code == kind.AST_FUNCTION:
            return self.call(name, [self.tree(part, scope, where) for part in args], where)
        op = self.operation(code)
        trees = [self.tree(part, scope, where) for part in args]
        if op in _FOLDED:
            joined, neutral = _FOLDED[op]
            return folded(joined, trees) if trees else Number(neutral)
        if op == "xor" and trees:
            truths = [Apply("ne", (part, Number(0.0))) for part in trees]
            return folded("ne", [*truths])
        if op == "minus" and len(trees) == 1:
            return Apply("neg", (trees[0],))
        if op in _BINARY and len(trees) == 2:
            return Apply(_BINARY[op], (trees[0], trees[1]))
        if op in {"lt", "leq", "gt", "geq", "eq"} and len(trees) > 2:
            return folded("and", [Apply(_BINARY[op], pair) for pair in pairwise(trees)])
        if op in _UNARY and len(trees) == 1:
            return Apply(_UNARY[op], (trees[0],))
        if op == "root" and trees:
            if len(trees) == 1 or trees[0] == Number(2.0):
                return Apply("sqrt", (trees[-1],))
            return Apply("pow", (trees[1], Apply("div", (Number(1.0), trees[0]))))
        if op == "log" and trees:
            if len(trees) == 1 or trees[0] == Number(10.0):
                return Apply("log10", (trees[-1],))
            return Apply("div", (Apply("ln", (trees[1],)), Apply("ln", (trees[0],))))
        if op in {"min", "max"} and trees:
            return folded(op, trees)
        if op == "piecewise" and trees:
            return self.piecewise(trees, where)
        self.faults.append(f"{where}: operation {op or name or code}")
        return Number(math.nan)

    def operation(self, code: int) -> str:
        """Return SBML's name of an operation, or an empty text."""
        kind = self.sbml
        names = {
            kind.AST_PLUS: "plus", kind.AST_TIMES: "times", kind.AST_MINUS: "minus",
            kind.AST_DIVIDE: "divide", kind.AST_POWER: "power",
            kind.AST_FUNCTION_POWER: "power", kind.AST_FUNCTION_ROOT: "root",
            kind.AST_FUNCTION_EXP: "exp", kind.AST_FUNCTION_LN: "ln",
            kind.AST_FUNCTION_LOG: "log", kind.AST_FUNCTION_ABS: "abs",
            kind.AST_FUNCTION_FLOOR: "floor", kind.AST_FUNCTION_CEILING: "ceiling",
            kind.AST_FUNCTION_SIN: "sin", kind.AST_FUNCTION_COS: "cos",
            kind.AST_FUNCTION_TAN: "tan", kind.AST_FUNCTION_TANH: "tanh",
            kind.AST_FUNCTION_MIN: "min", kind.AST_FUNCTION_MAX: "max",
            kind.AST_FUNCTION_PIECEWISE: "piecewise",
            kind.AST_FUNCTION_DELAY: "delay", kind.AST_FUNCTION_RATE_OF: "rateOf",
            kind.AST_RELATIONAL_LT: "lt", kind.AST_RELATIONAL_LEQ: "leq",
            kind.AST_RELATIONAL_GT: "gt", kind.AST_RELATIONAL_GEQ: "geq",
            kind.AST_RELATIONAL_EQ: "eq", kind.AST_RELATIONAL_NEQ: "neq",
            kind.AST_LOGICAL_AND: "and", kind.AST_LOGICAL_OR: "or",
            kind.AST_LOGICAL_XOR: "xor", kind.AST_LOGICAL_NOT: "not",
        }  # fmt: skip
        return names.get(code, "")

    def piecewise(self, parts: list[Expression], where: str) -> Expression:
        """Return pieces (value, condition, ..., otherwise) as nested choices."""
        if len(parts) % 2 == 0:
            self.faults.append(f"{where}: piecewise without otherwise")
            return Number(math.nan)
        tree = parts[-1]
        for k in range(len(parts) - 3, -1, -2):
            tree = Apply("if", (parts[k + 1], parts[k], tree))
        return tree

    def call(self, name: str, args: list[Expression], where: str) -> Expression:
        """Return a function definition applied to trees."""
        if name not in self.functions:
            self.faults.append(f"{where}: function {name!r}")
            return Number(math.nan)
        bound, body = self.functions[name]
        if len(bound) != len(args):
            self.faults.append(f"{where}: function {name!r} takes {len(bound)} arguments")
            return Number(math.nan)
        return self.tree(body, dict(zip(bound, args, strict=True)), where)

    def value(self, name: str) -> Expression:
        """Return what a name means in a formula: a concentration, or the value itself."""
        place = self.in_concentration.get(name)
        return Symbol(name) if place is None else Apply("div", (Symbol(name), Symbol(place)))

    def stored(self, name: str, tree: Expression) -> Expression:
        """Return the tree of what is stored for a name that a formula assigns."""
        place = self.in_concentration.get(name)
        return tree if place is None else Apply("mul", (tree, Symbol(place)))

    # Parts of the model

    def read(self) -> Network:
        """Return the model as a network."""
        model = self.model
        self.refuse_unsupported()
        for one in model.getListOfFunctionDefinitions():
            bound = [one.getArgument(k).getName() for k in range(one.getNumArguments())]
            self.functions[one.getId()] = (bound, one.getBody())
        for one in model.getListOfSpecies():
            sized = model.getCompartment(one.getCompartment())
            flat = sized is not None and sized.getSpatialDimensionsAsDouble() == 0
            if not one.getHasOnlySubstanceUnits() and not flat:
                self.in_concentration[one.getId()] = one.getCompartment()
        compartments = tuple(
            Compartment(one.getId(), one.getSize() if one.isSetSize() else math.nan)
            for one in model.getListOfCompartments()
        )
        parameters = tuple(
            Parameter(one.getId(), one.getValue() if one.isSetValue() else math.nan)
            for one in model.getListOfParameters()
        )
        rules = tuple(
            (one.getVariable(), self.assigned(one.getVariable(), one.getMath(), "rule"))
            for one in model.getListOfRules()
            if one.isAssignment()
        )
        initial = tuple(
            (one.getSymbol(), self.assigned(one.getSymbol(), one.getMath(), "initial assignment"))
            for one in model.getListOfInitialAssignments()
        )
        species = tuple(self.species(one) for one in model.getListOfSpecies())
        reactions = tuple(self.reaction(one) for one in model.getListOfReactions())
        events = tuple(self.event(one, k) for k, one in enumerate(model.getListOfEvents()))
        self.stop_if_faulty()
        return Network(
            model.getId() or self.path.stem, species, reactions, parameters, compartments,
            events, rules, initial,
        )  # fmt: skip

    def refuse_unsupported(self) -> None:
        """Note every part of the model that a network of counts cannot hold."""
        model = self.model
        for one in model.getListOfRules():
            if not one.isAssignment():
                self.faults.append(
                    f"{'rate' if one.isRate() else 'algebraic'} rule {one.getVariable()}".strip()
                )
        if model.getNumConstraints():
            self.faults.append("constraints")
        if model.isSetConversionFactor():
            self.faults.append("conversion factor of the model")
        allowed = {"", "item", "dimensionless"}
        units = {
            "substance units": model.getSubstanceUnits(),
            "extent units": model.getExtentUnits(),
        }
        for what, unit in units.items():
            if not self.counts(unit, allowed):
                self.faults.append(f"{what} {unit!r} of the model (counts need 'item')")
        known = {
            one.getId()
            for group in (
                model.getListOfSpecies(), model.getListOfParameters(),
                model.getListOfCompartments(),
            )
            for one in group
        }  # fmt: skip
        targets = [(one.getVariable(), "rule") for one in model.getListOfRules()]
        targets += [
            (i.getSymbol(), "initial assignment") for i in model.getListOfInitialAssignments()
        ]
        for target, what in targets:
            if target and target not in known:
                self.faults.append(f"{what} for {target!r} (a stoichiometry or unknown)")

    def counts(self, unit: str, allowed: set[str]) -> bool:
        """Return whether a unit of substance counts single things."""
        if unit in allowed:
            return True
        definition = self.model.getUnitDefinition(unit)
        if definition is None or definition.getNumUnits() != 1:
            return False
        one = definition.getUnit(0)
        plain = one.getMultiplier() == 1 and one.getScale() == 0 and one.getExponent() == 1
        return bool(plain and (one.isItem() or one.isDimensionless()))

    def assigned(self, name: str, formula: Any, what: str) -> Expression:
        """Return the stored value that a formula gives to a name."""
        return self.stored(name, self.tree(formula, {}, f"{what} of {name!r}"))

    def species(self, one: Any) -> Species:
        """Return a species; its initial concentration becomes concentration x size."""
        name, place = one.getId(), one.getCompartment()
        if one.isSetConversionFactor():
            self.faults.append(f"species {name!r}: conversion factor")
        if one.isSetSubstanceUnits() and not self.counts(
            one.getSubstanceUnits(), {"item", "dimensionless"}
        ):
            self.faults.append(f"species {name!r}: substance units {one.getSubstanceUnits()!r}")
        initial: Expression = Number(math.nan)
        if one.isSetInitialAmount():
            initial = Number(one.getInitialAmount())
        elif one.isSetInitialConcentration():
            initial = Apply("mul", (Number(one.getInitialConcentration()), Symbol(place)))
        fixed = bool(one.getBoundaryCondition() or one.getConstant())
        return Species(name, initial, place, fixed)

    def side(self, references: Iterable[Any], reaction: str) -> Side:
        """Return one side of a reaction in whole numbers."""
        counts: dict[str, int] = {}
        for one in references:
            count = one.getStoichiometry() if one.isSetStoichiometry() else math.nan
            if one.isSetId() and one.getId() and self.is_target(one.getId()):
                self.faults.append(f"reaction {reaction!r}: stoichiometry {one.getId()!r} varies")
            if not (count >= 0 and abs(count - round(count)) <= _WHOLE):
                self.faults.append(f"reaction {reaction!r}: stoichiometry {count:g}")
            elif round(count):
                counts[one.getSpecies()] = counts.get(one.getSpecies(), 0) + round(count)
        return tuple(counts.items())

    def is_target(self, name: str) -> bool:
        """Return whether a rule, initial assignment or event sets a name."""
        model = self.model
        return (
            model.getRuleByVariable(name) is not None
            or model.getInitialAssignmentBySymbol(name) is not None
            or any(
                one.getEventAssignmentByVariable(name) is not None
                for one in model.getListOfEvents()
            )
        )

    def reaction(self, one: Any) -> Reaction:
        """Return a reaction with its local parameters put in."""
        name = one.getId()
        if one.isSetFast() and one.getFast():
            self.faults.append(f"reaction {name!r}: fast")
        if one.getReversible():
            self.faults.append(
                f"reaction {name!r}: reversible (write two reactions: a net rate is not enough)"
            )
        law = one.getKineticLaw()
        if law is None:
            self.faults.append(f"reaction {name!r}: no kinetic law")
            return Reaction(name, (), (), 0.0)
        local: dict[str, Expression] = {
            part.getId(): Number(part.getValue() if part.isSetValue() else math.nan)
            for part in law.getListOfLocalParameters()
        }
        if any(isinstance(v, Number) and not math.isfinite(v.value) for v in local.values()):
            self.faults.append(f"reaction {name!r}: local parameter without a value")
        rate = self.tree(law.getMath(), local, f"reaction {name!r}")
        # A reaction's own name in a formula means its rate; a network has no such name.
        reactants = self.side(one.getListOfReactants(), name)
        return Reaction(name, reactants, self.side(one.getListOfProducts(), name), rate)

    def event(self, one: Any, number: int) -> Event:
        """Return an event; delays and priorities are refused."""
        name = one.getId() or f"event{number + 1}"
        if one.isSetDelay():
            self.faults.append(f"event {name!r}: delay")
        if one.isSetPriority():
            self.faults.append(f"event {name!r}: priority")
        if not one.isSetTrigger():
            self.faults.append(f"event {name!r}: no trigger")
            return Event(name, 0.0, ())
        trigger = one.getTrigger()
        assignments: list[tuple[str, Expression]] = []
        targets = {part.getVariable() for part in one.getListOfEventAssignments()}
        for part in one.getListOfEventAssignments():
            target = part.getVariable()
            if self.in_concentration.get(target) in targets:
                self.faults.append(
                    f"event {name!r}: sets the concentration of {target!r} and its compartment"
                )
            assignments.append((target, self.assigned(target, part.getMath(), f"event {name!r}")))
        return Event(
            name,
            self.tree(trigger.getMath(), {}, f"trigger of {name!r}"),
            tuple(assignments),
            persistent=bool(trigger.getPersistent()),
            initially=bool(trigger.getInitialValue()),
            values_at_trigger=bool(one.getUseValuesFromTriggerTime()),
        )


def read_sbml(path: Path | str) -> Network:
    """Return the network of an SBML Level 3 Core file.

    Raises
    ------
    InputError
        The file cannot be read, or uses what a network of counts cannot hold; the message
        names every such part.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such file", where=str(path), remedy="give the path of an SBML file")
    return _Reader(path).read()


_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^"}
_TRUTHS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_RESERVED = frozenset({"time", "pi", "avogadro", "exponentiale", "true", "false", "inf", "nan"})
_RESERVED_CALLS = frozenset(
    {"abs", "ceil", "cos", "exp", "floor", "ln", "log", "sin", "sqrt", "tan"}
)


def _text(tree: Expression) -> str:
    """Return a tree as SBML's infix text for a number."""
    match tree:
        case Number(value):
            return f"({value!r})"
        case Symbol(name):
            return name
        case Time():
            return "time"
        case Apply(op, args):
            if op in _TRUTHS or op in {"and", "or", "not"}:
                return f"piecewise(1, {_truth(tree)}, 0)"
            if op == "if":
                return f"piecewise({_text(args[1])}, {_truth(args[0])}, {_text(args[2])})"
            parts = [_text(part) for part in args]
            if op in _INFIX:
                return f"({parts[0]} {_INFIX[op]} {parts[1]})"
            if op == "neg":
                return f"(-{parts[0]})"
            if op in {"min", "max"}:
                order = "<" if op == "min" else ">"
                return f"piecewise({parts[0]}, {parts[0]} {order} {parts[1]}, {parts[1]})"
            return f"{op}({', '.join(parts)})"


def _truth(tree: Expression) -> str:
    """Return a tree as SBML's infix text for a truth."""
    if isinstance(tree, Apply):
        if tree.op in _TRUTHS:
            return f"({_text(tree.args[0])} {_TRUTHS[tree.op]} {_text(tree.args[1])})"
        if tree.op in {"and", "or"}:
            joint = "&&" if tree.op == "and" else "||"
            return f"({_truth(tree.args[0])} {joint} {_truth(tree.args[1])})"
        if tree.op == "not":
            return f"(!{_truth(tree.args[0])})"
    return f"({_text(tree)} != 0)"


def write_sbml(
    network: Network,
    *,
    mean_field: bool = False,
    notes: Sequence[str] = (),
    time_unit_s: float | None = None,
) -> str:
    """Return a network as an SBML Level 3 Version 1 document.

    Species are amounts in items. With `mean_field`, mass action is written with powers, so
    that a deterministic simulator integrates the limit that `ode.mean_field` does; without it
    with falling factorials, so that a stochastic one draws from the same law.

    ``notes`` are paragraphs for people, kept in the model's notes element. ``time_unit_s``
    states the unit of time in seconds, such as 3600; without it the document states none.

    What the mean field loses: whole counts, chance and bursts; the law of the cargo of one
    vesicle; extinction. SBML keeps no record of where a number comes from either.

    Raises
    ------
    InputError
        A name is no SBML identifier, or python-libsbml is not installed.
    """
    sbml = _libsbml()
    parts = (
        *network.names,
        *(r.name for r in network.reactions),
        *(e.name for e in network.events),
    )
    bad = sorted(
        {
            name for name in parts
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
            or name.lower() in _RESERVED | _RESERVED_CALLS
        }
        | {name for name in parts if parts.count(name) > 1}
    )  # fmt: skip
    if bad:
        raise InputError(
            f"cannot be identifiers in SBML: {', '.join(bad)}",
            where=f"network {network.name!r}",
            remedy="use letters, digits and _, each name once, and none of SBML's own words",
        )
    document = sbml.SBMLDocument(3, 1)
    model = document.createModel()
    model.setId(re.sub(r"\W", "_", network.name, flags=re.ASCII))
    for unit in (model.setSubstanceUnits, model.setExtentUnits):
        unit("item")
    if time_unit_s is not None:
        _state_time_unit(sbml, model, time_unit_s)
    if notes:
        text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in notes)
        model.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml">{text}</body>')

    def math_of(tree: Expression) -> Any:
        node = sbml.parseL3Formula(_text(tree))
        if node is None:
            raise InputError(
                f"{_text(tree)} cannot be written", where="SBML",
                remedy=str(sbml.getLastParseL3Error()),
            )  # fmt: skip
        return node

    changed = {target for event in network.events for target, _ in event.assignments}
    changed |= {name for name, _ in network.rules}
    places = {place.name for place in network.compartments}
    fallback = "everywhere"
    while fallback in parts:
        fallback += "_"
    if any(part.compartment is None for part in network.species):
        _place(model.createCompartment(), fallback, constant=True).setSize(1.0)
    initial: list[tuple[str, Expression]] = []

    def start(name: str, formula: Any, give: Any) -> None:
        tree = tree_of(formula)
        if isinstance(tree, Number):
            if math.isfinite(tree.value):
                give(tree.value)
        elif name not in dict(network.rules):
            initial.append((name, tree))

    for place in network.compartments:
        one = _place(model.createCompartment(), place.name, constant=place.name not in changed)
        start(place.name, place.size, one.setSize)
    for part in network.species:
        one = model.createSpecies()
        one.setId(part.name)
        one.setCompartment(part.compartment if part.compartment in places else fallback)
        one.setHasOnlySubstanceUnits(True)
        one.setBoundaryCondition(part.fixed)
        one.setConstant(False)
        start(part.name, part.initial, one.setInitialAmount)
    for parameter in network.parameters:
        one = model.createParameter()
        one.setId(parameter.name)
        one.setConstant(parameter.name not in changed)
        start(parameter.name, parameter.value, one.setValue)
    replaced = dict(network.initial)
    for name, tree in (*((n, t) for n, t in initial if n not in replaced), *network.initial):
        one = model.createInitialAssignment()
        one.setSymbol(name)
        one.setMath(math_of(tree_of(tree)))
    for name, rule in network.rules:
        one = model.createAssignmentRule()
        one.setVariable(name)
        one.setMath(math_of(tree_of(rule)))
    for which in network.reactions:
        _write_reaction(model.createReaction(), network, which, math_of, mean_field=mean_field)
    for event in network.events:
        one = model.createEvent()
        one.setId(event.name)
        one.setUseValuesFromTriggerTime(event.values_at_trigger)
        trigger = one.createTrigger()
        trigger.setPersistent(event.persistent)
        trigger.setInitialValue(event.initially)
        trigger.setMath(sbml.parseL3Formula(_truth(tree_of(event.trigger))))
        for target, formula in event.assignments:
            assignment = one.createEventAssignment()
            assignment.setVariable(target)
            assignment.setMath(math_of(tree_of(formula)))
    return cast("str", sbml.writeSBMLToString(document))


def _state_time_unit(sbml: Any, model: Any, seconds: float) -> None:
    definition = model.createUnitDefinition()
    definition.setId("unit_of_time")
    unit = definition.createUnit()
    unit.setKind(sbml.UNIT_KIND_SECOND)
    unit.setMultiplier(float(seconds))
    unit.setScale(0)
    unit.setExponent(1.0)
    model.setTimeUnits("unit_of_time")


def _place(one: Any, name: str, *, constant: bool) -> Any:
    one.setId(name)
    one.setConstant(constant)
    one.setSpatialDimensions(3)
    return one


def _write_reaction(
    one: Any, network: Network, which: Reaction, math_of: Any, *, mean_field: bool
) -> None:
    """Fill a reaction of a model."""
    one.setId(which.name)
    one.setReversible(False)
    one.setFast(False)
    for side, create in (
        (which.reactants, one.createReactant),
        (which.products, one.createProduct),
    ):
        for name, count in side:
            reference = create()
            reference.setSpecies(name)
            reference.setStoichiometry(count)
            reference.setConstant(True)
    rate = network.propensity(which, mean_field=mean_field)
    read = symbols(rate)
    named = {name for name, _ in (*which.reactants, *which.products)}
    species = {part.name for part in network.species}
    for name in sorted(read & species - named):
        one.createModifier().setSpecies(name)
    one.createKineticLaw().setMath(math_of(rate))
