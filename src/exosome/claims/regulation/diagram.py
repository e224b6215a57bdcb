"""Reduced ordered decision diagrams: what every completion of the unknown facts would give.

A diagram is a function of yes/no facts, written once for all. Facts are asked in one
fixed order and equal parts are shared, so two diagrams are equal exactly when they are
the same node, and a fact appears in a diagram exactly when it can change its value.
Both properties are what the engine needs: a result is decided when one value is left,
and a question is worth asking when its fact is still in the diagram.

The size can grow exponentially with the number of facts for an unlucky order. The rule
books here stay below a few thousand nodes.

References
----------
Bryant (1986), Graph-based algorithms for Boolean function manipulation (the reduced
ordered diagram and its canonical form); cited from memory, not read for this program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exosome.claims.regulation.kleene import All, Any, Name, Not

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exosome.claims.regulation.kleene import Test

Node = int
Value = str | bool

# A leaf stands below every fact.
_LEAF = 1_000_000


class Diagrams:
    """All diagrams over one ordered set of facts; nodes are shared and never change.

    Parameters
    ----------
    order : sequence of str
        The facts, in the order in which they are asked.
    """

    def __init__(self, order: Sequence[str]) -> None:
        self._order = tuple(order)
        self._place = {key: place for place, key in enumerate(self._order)}
        self._nodes: list[tuple[int, Node, Node]] = []
        self._values: dict[Node, Value] = {}
        self._shared: dict[tuple[int, Node, Node], Node] = {}
        self._leaves: dict[Value, Node] = {}
        self._choices: dict[tuple[Node, Node, Node], Node] = {}
        self.yes, self.no = self.leaf(True), self.leaf(False)  # noqa: FBT003

    def __len__(self) -> int:
        """Return the number of nodes made so far."""
        return len(self._nodes)

    def leaf(self, value: Value) -> Node:
        """Return the diagram that always has ``value``."""
        # True and "True" are different values, True and 1 are not: values are str or bool.
        if value not in self._leaves:
            self._leaves[value] = self._new((_LEAF, len(self._leaves), 0))
            self._values[self._leaves[value]] = value
        return self._leaves[value]

    def fact(self, key: str) -> Node:
        """Return the diagram of one fact."""
        return self._node(self._place[key], self.no, self.yes)

    def test(self, test: Test, node_of: Callable[[str], Node]) -> Node:
        """Return the diagram of a test whose names stand for diagrams."""
        match test:
            case Name(key):
                return node_of(key)
            case Not(part):
                return self.choose(self.test(part, node_of), self.no, self.yes)
            case All(parts):
                found = self.yes
                for part in reversed(parts):
                    found = self.choose(self.test(part, node_of), found, self.no)
                return found
            case Any(parts):
                found = self.no
                for part in reversed(parts):
                    found = self.choose(self.test(part, node_of), self.yes, found)
                return found

    def choose(self, condition: Node, then: Node, otherwise: Node) -> Node:
        """Return ``then`` where ``condition`` is yes and ``otherwise`` elsewhere."""
        if condition == self.yes or then == otherwise:
            return then
        if condition == self.no:
            return otherwise
        key = (condition, then, otherwise)
        if key not in self._choices:
            place = min(self._nodes[node][0] for node in key)
            low = self.choose(*(self._below(node, place, side=1) for node in key))
            high = self.choose(*(self._below(node, place, side=2) for node in key))
            self._choices[key] = self._node(place, low, high)
        return self._choices[key]

    def given(self, node: Node, facts: Mapping[str, bool]) -> Node:
        """Return what is left of a diagram once some facts are known."""
        known = {self._place[key]: held for key, held in facts.items() if key in self._place}
        done: dict[Node, Node] = {}

        def walk(at: Node) -> Node:
            place, low, high = self._nodes[at]
            if place == _LEAF:
                return at
            if at not in done:
                held = known.get(place)
                if held is None:
                    done[at] = self._node(place, walk(low), walk(high))
                else:
                    done[at] = walk(high if held else low)
            return done[at]

        return walk(node)

    def values(self, node: Node) -> frozenset[Value]:
        """Return every value that some completion of the facts gives."""
        return frozenset(self._values[at] for at in self._reached(node) if at in self._values)

    def facts(self, node: Node) -> tuple[str, ...]:
        """Return the facts that can change the value, in order."""
        places = {self._nodes[at][0] for at in self._reached(node)} - {_LEAF}
        return tuple(self._order[place] for place in sorted(places))

    def relabelled(self, node: Node, name_of: Callable[[Value], Value]) -> Node:
        """Return the diagram with every value renamed; values may become equal."""
        done: dict[Node, Node] = {}

        def walk(at: Node) -> Node:
            place, low, high = self._nodes[at]
            if place == _LEAF:
                return self.leaf(name_of(self._values[at]))
            if at not in done:
                done[at] = self._node(place, walk(low), walk(high))
            return done[at]

        return walk(node)

    def differ(self, first: Node, second: Node, *, apart_from: Node) -> bool:
        """Return whether some completion gives two values, neither being ``apart_from``."""
        seen: set[tuple[Node, Node]] = set()
        waiting = [(first, second)]
        while waiting:
            pair = waiting.pop()
            if pair in seen or pair[0] == pair[1] or apart_from in pair:
                continue
            seen.add(pair)
            place = min(self._nodes[node][0] for node in pair)
            if place == _LEAF:
                return True
            for side in (1, 2):
                one, other = (self._below(node, place, side=side) for node in pair)
                waiting.append((one, other))
        return False

    def _below(self, node: Node, place: int, *, side: int) -> Node:
        held = self._nodes[node]
        return held[side] if held[0] == place else node

    def _node(self, place: int, low: Node, high: Node) -> Node:
        return low if low == high else self._new((place, low, high))

    def _new(self, content: tuple[int, Node, Node]) -> Node:
        if content not in self._shared:
            self._shared[content] = len(self._nodes)
            self._nodes.append(content)
        return self._shared[content]

    def _reached(self, node: Node) -> set[Node]:
        seen: set[Node] = set()
        waiting = [node]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            place, low, high = self._nodes[at]
            if place != _LEAF:
                waiting += [low, high]
        return seen
