"""A picture of a scan: how culprits came in, from the manifest to them, and the whole plan below.

Plain SVG, so that every browser shows it and nothing has to be installed. What the scan refused is red, what it warns
of amber, edges that the manifest cuts are broken; signs and lines say the same for those who do not see colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from itertools import pairwise
from xml.sax.saxutils import quoteattr

from lockhouse.audits.refusal import headline, ways_out
from lockhouse.findings import Finding, ScanReport, Severity
from lockhouse.plan import Plan
from lockhouse.reporting.layout import Layout, layered
from lockhouse.reporting.strokes import STYLE, arrow, curve, free_place, lettering, plain, safe, short, width_of
from lockhouse.values import dataclass

__all__ = ["picture"]

ALL = 80
"""Distributions that are drawn with all their edges, if nothing has to be explained."""

ROW, BOX, GAP, MARGIN = 44, 32, 40, 24
LIST_ROW, LIST_ROWS, LIST_MOST = 18, 26, 400
CULPRITS = 20
"""Culprits whose chains are drawn, the gravest first."""

LABELLED = 40
"""Edges that are labelled; more would cover each other. What they say shows when the pointer rests on them."""

RANK: dict[Severity, int] = {"refuse": 3, "warn": 2, "note": 1}
SIGN = {3: "✗ ", 2: "! ", 1: "", 0: ""}
KIND = {3: "bad", 2: "odd", 1: "way", 0: "way"}


@dataclass(slots=True)
class _Drawn:
    """What is drawn: distributions with the gravest thing said of them, and edges with what asks."""

    nodes: dict[str, int] = field(default_factory=dict)
    edges: dict[tuple[str, str], int] = field(default_factory=dict)
    lines: dict[tuple[str, str], str] = field(default_factory=dict)
    cut: set[tuple[str, str]] = field(default_factory=set)
    told: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    """The gravest thing that is said of a distribution, drawn or not."""


def picture(report: ScanReport, plan: Plan) -> str:
    """Draw a report and its plan."""
    drawn = _drawn(report, plan)
    parts: list[str] = []
    y = MARGIN + 18
    parts.append(lettering(MARGIN, y, _title(report, plan), "title"))
    y += 20
    parts.append(lettering(MARGIN, y, _subtitle(report, plan), "small"))
    y += 24
    graph, width, height = _graph(drawn, plan, y)
    parts += graph
    stages, stages_width, bottom = _stages(drawn, plan, y + height + (16 if height else 0))
    parts += stages
    width = max(width, stages_width, 560)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {bottom:.0f}" width="{width:.0f}" '
        f'height="{bottom:.0f}" role="img" aria-label={quoteattr(plain(_title(report, plan)))}>'
    )
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join((head, f"<style>{STYLE}</style>", ground, *parts, "</svg>", ""))


def _title(report: ScanReport, plan: Plan) -> str:
    refused = list(dict.fromkeys(finding.distribution or "the plan" for finding in report.refused))
    if not refused:
        return f"{plan.name}: nothing refused"
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    return f"{plan.name}: refused because of {', '.join(refused[:3])}{more}"


def _subtitle(report: ScanReport, plan: Plan) -> str:
    count = len(plan.distributions)
    warnings = sum(finding.severity == "warn" for finding in report.findings)
    told = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
    target = plan.target
    culprits = len({finding.distribution for finding in report.findings if finding.severity != "note"})
    told += f", chains of {CULPRITS} of {culprits} culprits" if culprits > CULPRITS else ""
    return (
        f"{count} distributions for {target.variant}, {target.platform}, {target.python_tag}; "
        f"{len(report.rules)} rules{told}; plan {plan.digest[:12]}"
    )


def _drawn(report: ScanReport, plan: Plan) -> _Drawn:
    drawn = _Drawn()
    for finding in sorted(report.findings, key=lambda finding: -RANK[finding.severity]):
        if finding.severity == "note" and finding.code != "exclusions.cut":
            continue
        if finding.code != "exclusions.cut":
            drawn.marks.setdefault(finding.distribution, RANK[finding.severity])
        if finding.distribution in drawn.told or len(drawn.told) < CULPRITS:
            _draw(drawn, finding)
    if not drawn.nodes and len(plan.distributions) <= ALL:
        names = {item.name for item in plan.distributions}
        for item in plan.distributions:
            drawn.nodes[item.name] = 0
            drawn.edges.update({(source, item.name): 0 for source in item.required_by if source in names})
    return drawn


def _draw(drawn: _Drawn, finding: Finding) -> None:
    rank = RANK[finding.severity]
    for chain in finding.chains:
        for step in chain.steps:
            drawn.nodes.setdefault(step.name, 0)
        for pair, step in zip(pairwise(chain.names), chain.steps[1:], strict=True):
            drawn.edges[pair] = max(rank, drawn.edges.get(pair, 0))
            drawn.lines.setdefault(pair, step.requirement)
        if finding.code == "exclusions.cut" and len(chain.names) > 1:
            drawn.cut.add((chain.names[-2], chain.names[-1]))
    if finding.distribution in drawn.nodes and finding.code != "exclusions.cut":
        drawn.nodes[finding.distribution] = max(rank, drawn.nodes[finding.distribution])
    drawn.told.setdefault(finding.distribution, []).append(
        "\n".join((headline(finding), *(f"try: {text}" for text in ways_out(finding))))
    )


# the graph


def _graph(drawn: _Drawn, plan: Plan, top: float) -> tuple[list[str], float, float]:
    """Draw boxes and edges; give the parts, and the width and height that they take."""
    if not drawn.nodes:
        return [], 0, 0
    layout = layered(list(drawn.nodes), drawn.edges)
    labelled = len(drawn.lines) <= LABELLED
    widths = {name: max(width_of(_name(drawn, name)), width_of(_below(plan, name)) * 0.85) + 24 for name in drawn.nodes}
    left, columns = float(MARGIN), []
    for number in range(layout.layers):
        own = [name for name in drawn.nodes if layout.layer[name] == number]
        columns.append((left, max((widths[name] for name in own), default=40)))
        labels = [
            width_of(_label(drawn, edge)) * 0.85 + 24
            for edge in drawn.lines
            if labelled and layout.layer[edge[0]] == number
        ]
        left += columns[-1][1] + max(GAP * 2, *labels, 0) if labels else columns[-1][1] + GAP * 2
    parts = list(_edges(drawn, layout, columns, widths, top, labelled=labelled))
    parts += _boxes(drawn, plan, layout, columns, widths, top)
    height = (max((layout.slot[name] for name in drawn.nodes), default=0) + 1) * ROW
    return parts, columns[-1][0] + columns[-1][1] + MARGIN, height


def _boxes(
    drawn: _Drawn,
    plan: Plan,
    layout: Layout,
    columns: list[tuple[float, float]],
    widths: dict[str, float],
    top: float,
) -> Iterator[str]:
    for name, rank in drawn.nodes.items():
        x, y = columns[layout.layer[name]][0], top + layout.slot[name] * ROW
        told = "\n\n".join(drawn.told.get(name, [])) or _name(drawn, name).strip()
        kind = KIND[rank]
        yield (
            f"<g><title>{safe(told)}</title>"
            f'<rect class="box {kind}" x="{x:.1f}" y="{y:.1f}" width="{widths[name]:.1f}" height="{BOX + 4}" rx="5"/>'
            f"{lettering(x + 12, y + 15, _name(drawn, name), f'{kind}-text')}"
            f"{lettering(x + 12, y + 29, _below(plan, name), 'small')}</g>"
        )


def _edges(
    drawn: _Drawn,
    layout: Layout,
    columns: list[tuple[float, float]],
    widths: dict[str, float],
    top: float,
    *,
    labelled: bool,
) -> Iterator[str]:
    middle = (BOX + 4) / 2
    taken: list[tuple[float, float, float]] = []
    for (source, target), rank in sorted(drawn.edges.items(), key=lambda item: item[1]):
        one, other = (layout.layer[name] for name in (source, target))
        forth = one < other
        begin = (columns[one][0] + (widths[source] if forth else 0), top + layout.slot[source] * ROW + middle)
        end = (columns[other][0] + (0 if forth else widths[target]), top + layout.slot[target] * ROW + middle)
        points = [begin]
        for number, slot in layout.bends.get((source, target), ()):
            x, wide = columns[number]
            y = top + slot * ROW + middle
            points += [(x, y), (x + wide, y)] if forth else [(x + wide, y), (x, y)]
        points.append(end)
        kind = KIND[rank] if rank else ""
        cut = " cut" if (source, target) in drawn.cut else ""
        line = drawn.lines.get((source, target), "")
        told = f"{source} asks for {line or target}{', which the manifest excludes' if cut else ''}"
        yield f'<path class="edge {kind}{cut}" d="{curve(points)}"><title>{safe(told)}</title></path>'
        yield arrow(points[-2], end, kind)
        if line and labelled:
            shown = _label(drawn, (source, target))
            if place := free_place(points[0], points[1], width_of(shown) * 0.85, taken):
                yield lettering(*place, shown, "label")


# the plan below it


def _stages(drawn: _Drawn, plan: Plan, top: float) -> tuple[list[str], float, float]:
    """List the plan by stages, each a column, or several side by side; give the parts, their right edge and bottom."""
    parts: list[str] = []
    x, bottom = float(MARGIN), top
    left = LIST_MOST
    for stage in plan.stages:
        items = plan.in_stage(stage.name)
        shown, left = items[:left], left - len(items[:left])
        # Where nothing is explained, all distributions are drawn, and none is to be found in the list.
        marked = {**drawn.nodes, **drawn.marks} if drawn.told else {}
        texts = [(f"{item.name} {item.version}", marked.get(item.name)) for item in shown]
        if len(items) > len(shown):
            texts.append((f"… and {len(items) - len(shown)} more", None))
        head = f"{stage.name}{' (optional)' if stage.optional else ''} · {len(items)}"
        parts.append(lettering(x, top + 14, head, "head"))
        for start in range(0, max(len(texts), 1), LIST_ROWS):
            column = texts[start : start + LIST_ROWS]
            spans = [width_of(words if rank is None else f"{SIGN[rank]}{words}  ") for words, rank in column]
            span = max((*spans, width_of(head) if start == 0 else 0))
            for number, (words, rank) in enumerate(column):
                sign = SIGN[rank] if rank else ""
                kind = "small" if rank is None else f"{KIND[rank]}-text"
                parts.append(lettering(x, top + 36 + number * LIST_ROW, sign + words, kind))
            bottom = max(bottom, top + 36 + len(column) * LIST_ROW)
            x += span + 28
    for omitted in plan.omitted:
        bottom += LIST_ROW
        words = f"left out: stage {omitted.name}: {short(omitted.reason, 120)}"
        parts.append(lettering(MARGIN, bottom, words, "small"))
    return parts, x, bottom + MARGIN


def _label(drawn: _Drawn, edge: tuple[str, str]) -> str:
    return short(drawn.lines[edge]) + (" (cut)" if edge in drawn.cut else "")


def _name(drawn: _Drawn, name: str) -> str:
    return SIGN[drawn.nodes[name]] + name


def _below(plan: Plan, name: str) -> str:
    """What stands under a name: the version, and where it is listed or installed."""
    item = plan.distribution(name)
    if item is None:
        return "not in the plan"
    return f"{item.version} · {'listed in' if item.requirement else 'with'} {item.stage}"
