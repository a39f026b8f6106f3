"""The part of CSS's cascade that colours need: which declaration wins on an element, in a colour scheme, for
colours, grounds, fills and custom properties. Knows neither layout nor nested rules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import tinycss2
from turbohtml import Element

from support.html import Page

PROPERTIES = ("color", "background-color", "fill")
_STATE = re.compile(
    r"::[\w-]+|:(?:hover|active|visited|focus-visible|focus-within|focus|target-current|target)(?![\w(-])"
)
_UNSEEN = re.compile(r"prefers-contrast|forced-colors|prefers-color-scheme:\s*light")
"""Media that no scheme here is; what stands outside of any is the light one."""
_COMBINATORS = (">", "+", "~")
Rank = tuple[bool, tuple[int, int, int], int]
"""Whether it is important, its specificity, its place: the greatest wins."""


class Cascade:
    """The sheets of a page in one scheme: light, dark or print."""

    def __init__(self, page: Page, scheme: str) -> None:
        self._page, self._scheme, self._place = page, scheme, count(1)
        self._won: dict[tuple[Element, str, str], tuple[Rank, str]] = {}
        self._states: dict[Element, dict[str, None]] = defaultdict(dict)
        for element in page.select("[fill]"):
            self._declare(element, "", "fill", (False, (0, 0, 0), 0), element.attr("fill") or "")
        for style in page.select("style"):
            self._rules(tinycss2.parse_stylesheet(style.text, skip_comments=True, skip_whitespace=True))
        for element in page.select("[style]"):
            for name, value, important in _declarations(
                tinycss2.parse_component_value_list(element.attr("style") or "")
            ):
                self._declare(element, "", name, (important, (9, 0, 0), 0), value)

    def value(self, element: Element, name: str, state: str = "") -> str:
        """What the sheets say of one property of an element itself; empty when they say nothing."""
        found = [
            self._won[key] for key in {(element, each, name) for each in ("", state)} if key in self._won
        ]
        return max(found)[1] if found else ""

    def states(self, element: Element) -> tuple[str, ...]:
        """The states (`:hover`, `::before`, …) in which an element or one around it is painted otherwise."""
        return tuple(dict.fromkeys(state for each in chain(element) for state in self._states.get(each, ())))

    def resolved(self, element: Element, value: str, state: str = "") -> str:
        """A value with its variables put in; ValueError when one has no value."""
        match = re.search(r"var\(\s*(--[\w-]+)\s*(?:,([^()]*))?\)", value)
        if match is None:
            return value.strip()
        found = next(filter(None, (self.value(each, match[1], state) for each in chain(element))), match[2])
        if found is None:
            raise ValueError(f"{match[1]} has no value at line {element.source_line}")
        return self.resolved(element, value[: match.start()] + found + value[match.end() :], state)

    def _rules(self, nodes: Sequence[Any]) -> None:
        for node in nodes:
            if node.type == "at-rule" and node.lower_at_keyword in ("media", "supports"):
                if self._applies(tinycss2.serialize(node.prelude)):
                    self._rules(
                        tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
                    )
            elif node.type == "qualified-rule":
                self._rule(node)

    def _applies(self, media: str) -> bool:
        if re.search(r"\bprint\b", media):
            return self._scheme == "print"
        if re.search(r"prefers-color-scheme:\s*dark", media):
            return self._scheme == "dark"
        return not (_UNSEEN.search(media) or (self._scheme == "print" and re.search(r"\bscreen\b", media)))

    def _rule(self, rule: Any) -> None:
        declared = list(_declarations(rule.content))
        place = next(self._place)
        for selector in _split(rule.prelude) if declared else ():
            state = "".join(_STATE.findall(selector))
            for element in self._page.select(_without_states(selector)):
                for name, value, important in declared:
                    self._declare(element, state, name, (important, specificity(selector), place), value)

    def _declare(self, element: Element, state: str, name: str, rank: Rank, value: str) -> None:
        key = (element, state, name)
        if key not in self._won or self._won[key][0] <= rank:
            self._won[key] = (rank, value)
        if state and name in PROPERTIES:
            self._states[element][state] = None


def chain(element: Element) -> Iterator[Element]:
    """An element and those around it, outwards."""
    yield element
    yield from (each for each in element.ancestors if isinstance(each, Element))


def specificity(selector: str) -> tuple[int, int, int]:
    """Ids, classes with their like, and types of a selector.

    >>> specificity("nav.toc > ol li:not(#x)::before")
    (1, 1, 4)
    """
    ids = classes = types = 0
    for part in re.finditer(r"::[\w-]+|[#.][\w-]+|\[[^]]*]|:([\w-]+)|(?<![\w-])[a-zA-Z][\w-]*", selector):
        if part[0].startswith("#"):
            ids += 1
        elif part[0].startswith("::") or part[0][0].isalpha():
            types += 1
        elif part[1] not in ("not", "is", "has", "where"):
            classes += 1
    return ids, classes, types


def _without_states(selector: str) -> str:
    bare = _STATE.sub("", selector).strip()
    bare = f"*{bare}" if bare.startswith(_COMBINATORS) else bare
    return f"{bare} *" if not bare or bare.endswith(_COMBINATORS) else bare


def _split(prelude: Sequence[Any]) -> Iterator[str]:
    """The selectors of a list."""
    part: list[Any] = []
    for node in [*prelude, None]:
        if node is None or node == ",":
            yield tinycss2.serialize(part).strip()
            part = []
        else:
            part.append(node)


def _declarations(content: Sequence[Any]) -> Iterator[tuple[str, str, bool]]:
    """The declarations that say a colour or a variable: name, value, whether important."""
    for node in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if node.type == "qualified-rule":
            raise ValueError(f"CSS, line {node.source_line}: nested rules are not understood here")
        if node.type == "declaration":
            name = "background-color" if node.lower_name == "background" else node.lower_name
            if name in PROPERTIES or name.startswith("--"):
                yield name, tinycss2.serialize(node.value).strip(), node.important
