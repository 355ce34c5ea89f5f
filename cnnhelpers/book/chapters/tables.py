"""Tables of verdicts and audits as a notebook shows them, in Markdown. Tables in, tables out."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from IPython.display import Markdown

from cnnhelpers.claims import in_words, shared_conditions
from cnnhelpers.records import aspects_in, few
from cnnhelpers.statistics import ALPHA

_TOLD = {  # one, several
    "holds": ("holds", "hold"),
    "holds but negligible": ("holds but is negligible", "hold but are negligible"),
    "contradicted": ("is contradicted", "are contradicted"),
    "equivalent": ("shows no difference that matters", "show no difference that matters"),
    "undecided": ("stays undecided", "stay undecided"),
    "too close to tell": ("is too close to tell", "are too close to tell"),
}
_FOUND = {
    "holds": "Better",
    "holds but negligible": "Better, by too little to matter",
    "contradicted": "Worse",
    "equivalent": "No difference that matters",
    "undecided": "Undecided",
    "too close to tell": "Too close to tell",
    "not enough runs": "Not enough runs",
}


def in_short(found: pd.DataFrame) -> Markdown:
    """Return what became of the conclusions in a sentence, and those confirmed and contradicted. Tops a page.

    A confirmed one says how it was read; a contradicted one of several questions, how many of them hold all the same.
    """
    tested = found[found["verdict"] != "not enough runs"]
    if tested.empty:
        return Markdown("No conclusion has runs enough for a verdict yet.")
    counts = tested["verdict"].value_counts().to_dict()
    told = [f"{counts[name]} {forms[counts[name] > 1]}" for name, forms in _TOLD.items() if name in counts]
    number = f"{len(tested)} could be tested with several seeds{_whose(found, tested)}"
    first = f"Of {len(found)} published conclusions {number}: {', '.join(told)}"
    fragile = int(tested["fragile"].sum())
    lines = [first + (f"; {fragile} of these verdicts {'is' if fragile == 1 else 'are'} fragile." if fragile else ".")]
    for word, verdicts in (("Confirmed", ("holds", "holds but negligible")), ("Contradicted", ("contradicted",))):
        chosen = [f"*{one.text}*{_note(one)}" for one in tested[tested["verdict"].isin(verdicts)].itertuples()]
        lines += [f"{word}: {'; '.join(chosen)}."] if chosen else []
    return Markdown("\n\n".join(lines))


def by_verdict(compared: pd.DataFrame, label: str = "label") -> Markdown:
    """Return the rows of `analysis.compare_all` as a list: a line a verdict, with the differences in points.

    >>> unknown = float("nan")
    >>> rows = [("dropout", 0.004, 0.001, 0.007, "holds"), ("depth", 0.001, -0.002, 0.004, "undecided")]
    >>> rows += [("width", 0.002, unknown, unknown, "not enough runs")]
    >>> rows += [("padding", unknown, unknown, unknown, "not enough runs")]
    >>> compared = pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "verdict"])
    >>> print(by_verdict(compared).data)
    Differences of accuracy in points, with 95 % intervals; what decides is p, adjusted over all of them (Holm).
    <BLANKLINE>
    - Better: dropout (+0.40 [+0.10, +0.70]).
    - Undecided: depth (+0.10 [-0.20, +0.40]).
    - Not enough runs: width (+0.20, no interval); padding (no pair of runs).
    """
    if compared.empty:
        return Markdown("No two networks that a question compares have runs yet.")
    heading = "Differences of accuracy in points, with 95 % intervals; what decides is p, adjusted over all of them"
    lines = [f"{heading} (Holm).", ""]
    for verdict, word in _FOUND.items():
        told = [
            f"{getattr(one, label)} ({_with_interval(one.estimate, one.low, one.high)})"
            for one in compared[compared["verdict"] == verdict].itertuples()
        ]
        lines += [f"- {word}: {'; '.join(told)}."] if told else []
    return Markdown("\n".join(lines))


def side_by_side(tables: Mapping[str, pd.DataFrame], label: str = "label") -> Markdown:
    """Return tables of `analysis.compare_all`, say of two profiles, as one: a row a question, bold if opposite.

    Parameters
    ----------
    tables
        By the name that heads its column; the column `label` names the questions. In the order of the first one.
    """
    names = _opposite(tables, label)
    answers = {name: found.set_index(label) for name, found in tables.items()}
    rows = []
    for question in dict.fromkeys(one for found in tables.values() for one in found[label]):
        told = [_answer(found.loc[question]) if question in found.index else "—" for found in answers.values()]
        rows.append((f"**{question}**" if question in names else question, *told))
    return Markdown(table(["points of test accuracy", *tables], rows))


def opposite_answers(tables: Mapping[str, pd.DataFrame], label: str = "label") -> Markdown:
    """Return in a sentence which questions have opposite answers in `side_by_side`."""
    names = _opposite(tables, label)
    first = f"With opposite answers under {' and '.join(tables)}: {'; '.join(names)}" if names else ""
    return Markdown(f"{first or 'No question has opposite answers under ' + ' and '.join(tables)}.")


def _opposite(tables: Mapping[str, pd.DataFrame], label: str) -> list[str]:
    verdicts: dict[str, set[str]] = {}
    for found in tables.values():
        for question, verdict in zip(found[label], found["verdict"], strict=True):
            verdicts.setdefault(question, set()).add(verdict)
    better = {"holds", "holds but negligible"}
    return [question for question, words in verdicts.items() if "contradicted" in words and words & better]


def _answer(one: pd.Series) -> str:
    return f"{_with_interval(one['estimate'], one['low'], one['high'])}, {one['verdict']}"


def reading(found: pd.DataFrame, report: str | None = None) -> Markdown:
    """Return the claims (of one report, if given) with verdict, adjusted p, evidence and what would decide.

    Below the table stands what they rest on (profile, precision, device, backend and copy of the data), and what is
    missing for claims that lack runs, with the command that trains it.
    """
    chosen = found if report is None else found[found["report"] == report]
    if chosen.empty:
        return Markdown("*There is no such conclusion.*")
    enough = chosen["verdict"] != "not enough runs"
    parts = ((_tested, chosen[enough]), (_untested, chosen[~enough]))
    return Markdown("\n\n".join(write(part) for write, part in parts if len(part)))


def _tested(found: pd.DataFrame) -> str:
    shown = table(["", "conclusion", "verdict (Holm's p)", "evidence"], map(_row, found.itertuples()))
    rest = "; ".join(
        f"conclusion{'s' * (not numbers.isdigit())} {numbers}: {basis}" for basis, numbers in shared_conditions(found)
    )
    return shown + (f"\n\nThe runs behind them. {rest[0].upper()}{rest[1:]}." if rest else "")


def _untested(found: pd.DataFrame) -> str:
    """Return the claims without runs enough, a line a report and command: what is missing, and what trains it."""
    rows, found = [], found.assign(command=found.get("command", ""))  # of published conclusions alone
    for (report, command), group in found.groupby(["report", "command"], sort=False):
        missing = dict.fromkeys(name for text in group["missing"] for name in text.split(", "))
        numbers = ", ".join(str(number) for number in group["number"])
        rows.append((report, numbers, few(list(missing)), f"`{command}`" if command else "—"))
    return "Not enough runs for a verdict:\n\n" + table(["report", "conclusions", "missing", "trained by"], rows)


def contradictions(found: pd.DataFrame) -> Markdown:
    """Return `reports.contradictions` for reading."""
    rows = [
        (one.report, one.experiment, in_words(one.metric), f"{one.place} {one.value:.6g}",
         f"{one.other_place} {one.other:.6g}", f"{one.difference:+.4g}", f"{one.allowed:.2g}")
        for one in found.itertuples()
    ]  # fmt: skip
    header = ["report", "experiment", "number", "one place", "other place", "difference", "rounding explains"]
    return Markdown(table(header, rows))


def against_runs(found: pd.DataFrame) -> Markdown:
    """Return the rows of `reports.against_runs` whose published number our interval excludes, for reading."""
    rows = [
        (one.report, one.experiment, in_words(one.metric), one.place, f"{one.published:.4g}",
         f"{one.estimate:.4f} [{one.low:.4f}, {one.high:.4f}]", "yes" if one.likely else "**no**")
        for one in found[~found["inside"].astype(bool)].itertuples()
    ]  # fmt: skip
    if not rows:
        return Markdown("*Our intervals exclude no published number.*")
    header = ["report", "experiment", "number", "place", "published", "our mean and interval", "possible as one run"]
    unlikely = ~found["likely"].astype(bool)
    told = (
        f"Of {len(found)} numbers compared, our intervals exclude {len(rows)}, and {unlikely.sum()} lie where no more "
    )
    told += "than one further run in twenty would. By report and whose pixels our runs saw: "
    parts = unlikely.groupby([found["report"], found["pixels"]], sort=False)
    told += "; ".join(f"{name} ({pixels}) {part.sum()} of {len(part)}" for (name, pixels), part in parts)
    told += (
        ". Chance alone would put about one in twenty there; numbers of one run, such as its accuracy and its loss, "
    )
    told += "go together."
    return Markdown(f"{told}\n\n{table(header, rows)}")


def mistakes(found: pd.DataFrame) -> Markdown:
    """Return `reports.mistakes` for reading."""
    rows = []
    for one in found.itertuples():
        lacking = f"runs are lacking: {few(one.missing.split(', '))}" if one.missing else ""
        lacking += f" (`{one.command}`)" if one.command else ""
        told = "; ".join(filter(None, (one.evidence, lacking))) or "no run can show it: records keep no weights"
        rows.append((one.number, one.report, f"{one.mistake} {one.consequence}", told))
    return Markdown(table(["", "report", "mistake", "what our runs say"], rows))


def single_runs(found: pd.DataFrame) -> Markdown:
    """Return `analysis.single_run_risk` for reading, differences in points."""
    rows = [
        (one.label, in_words(one.metric), _points(one.published),
         _with_interval(one.difference, one.low, one.high),
         f"{100 * one.wrong_order:.0f} %", {True: "ours", False: "the other"}.get(one.as_ours, ""),
         _seeds(one.seeds_needed))
        for one in found.itertuples()
    ]  # fmt: skip
    header = ["pair", "measure", "published (points)", "ours (points)", "single runs in the wrong order"]
    return Markdown(table([*header, "published order", "seeds to show ours"], rows))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return a Markdown table of cells that are Markdown already, or one sentence if there is no row.

    >>> print(table(["Seed", "Reason"], [(3, "`a|b`")]))
    | Seed | Reason |
    | --- | --- |
    | 3 | `a\|b` |
    """
    lines = [
        "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", str(cell)).replace("\n", " ") for cell in row) + " |"
        for row in rows
    ]
    if not lines:
        return "There is none yet."
    return "\n".join(["| " + " | ".join(header) + " |", "|" + " --- |" * len(header), *lines])


def _whose(found: pd.DataFrame, tested: pd.DataFrame) -> str:
    """Return whose the tested ones are, where others have none."""
    counts = tested["report"].value_counts(sort=False)
    if len(counts) == found["report"].nunique():
        return ""
    if len(counts) == 1:
        return f", all of report {counts.index[0]}"
    return f" ({', '.join(f'{count} of report {name}' for name, count in counts.items())})"


def _note(one: object) -> str:
    """Return how a confirmed conclusion was read, and how many questions of a contradicted one hold, each alone."""
    if one.verdict != "contradicted":
        return f" ({one.reading[0].lower()}{one.reading[1:].rstrip('.')})" if one.reading else ""
    pro = sum(part.p_for < ALPHA for part in one.parts)
    return f" (though {pro} of its {len(one.parts)} questions hold{'s' * (pro == 1)})" if pro else ""


def _row(one: object) -> tuple[object, ...]:
    p = "by rule" if math.isnan(one.adjusted_p) else f"{one.adjusted_p:.2g}" if one.adjusted_p >= 1e-4 else "< 0.0001"
    verdict = f"**{one.verdict}**" + (", fragile" if one.fragile else "") + f" ({p})"
    text = one.text + (f" *({one.reading})*" if one.reading else "")
    evidence = [one.evidence]
    if aspects := aspects_in(one.differs):
        evidence.append(f"**not the same in all of these runs: {', '.join(aspects)}**")
    if seeds := _seeds(one.seeds_to_decide):
        evidence.append(f"smallest detectable difference: {_amount(one)}; seeds to decide: {seeds}")
    return one.number or "", text, verdict, "; ".join(evidence)


def _amount(one: object) -> str:
    if math.isinf(one.smallest_detectable):
        return "none, without variance"
    if one.unit == "fraction":
        return f"{100 * one.smallest_detectable:.2f} points"
    return f"{one.smallest_detectable:.3g} {one.unit}"


def _with_interval(estimate: float, low: float, high: float) -> str:
    """Return an estimate in points as far as it is known: one pair of runs has no interval, none has nothing."""
    if math.isnan(estimate):
        return "no pair of runs"
    interval = ", no interval" if math.isnan(low) else f" [{_points(low)}, {_points(high)}]"
    return _points(estimate) + interval


def _points(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:+.2f}"


def _seeds(value: float) -> str:
    if math.isnan(value):
        return ""
    return "more than 1,000" if value > 1000 else f"{value:.0f}"
