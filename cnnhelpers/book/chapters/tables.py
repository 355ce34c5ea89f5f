"""Tables of verdicts and audits as a notebook shows them, in Markdown. Tables in, tables out."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from IPython.display import Markdown

from cnnhelpers.claims import in_words, shared_conditions
from cnnhelpers.records import aspects_in, few
from cnnhelpers.statistics import ALPHA

_FORMS = {  # one, several
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


def in_short(results: pd.DataFrame) -> Markdown:
    """Return what became of the conclusions in a sentence, and those confirmed and contradicted. Tops a page.

    A confirmed one says how it was read; a contradicted one of several questions, how many of them hold all the same.
    """
    tested = results[results["verdict"] != "not enough runs"]
    if tested.empty:
        return Markdown("No conclusion has runs enough for a verdict yet.")
    counts = tested["verdict"].value_counts().to_dict()
    texts = [f"{counts[name]} {forms[counts[name] > 1]}" for name, forms in _FORMS.items() if name in counts]
    number = f"{len(tested)} could be tested with several seeds{_whose(results, tested)}"
    first = f"Of {len(results)} published conclusions {number}: {', '.join(texts)}"
    fragile = int(tested["fragile"].sum())
    lines = [first + (f"; {fragile} of these verdicts {'is' if fragile == 1 else 'are'} fragile." if fragile else ".")]
    for word, verdicts in (("Confirmed", ("holds", "holds but negligible")), ("Contradicted", ("contradicted",))):
        chosen = [f"*{row.text}*{_note(row)}" for row in tested[tested["verdict"].isin(verdicts)].itertuples()]
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
        texts = [
            f"{getattr(row, label)} ({_with_interval(row.estimate, row.low, row.high)})"
            for row in compared[compared["verdict"] == verdict].itertuples()
        ]
        lines += [f"- {word}: {'; '.join(texts)}."] if texts else []
    return Markdown("\n".join(lines))


def side_by_side(tables: Mapping[str, pd.DataFrame], label: str = "label") -> Markdown:
    """Return tables of `analysis.compare_all`, say of two profiles, as one: a row a question, bold if opposite.

    Parameters
    ----------
    tables
        By the name that heads its column; the column `label` names the questions. In the order of the first one.
    """
    names = _opposite(tables, label)
    answers = {name: results.set_index(label) for name, results in tables.items()}
    rows = []
    for question in dict.fromkeys(text for results in tables.values() for text in results[label]):
        texts = [_answer(results.loc[question]) if question in results.index else "—" for results in answers.values()]
        rows.append((f"**{question}**" if question in names else question, *texts))
    return Markdown(table(["points of test accuracy", *tables], rows))


def opposite_answers(tables: Mapping[str, pd.DataFrame], label: str = "label") -> Markdown:
    """Return in a sentence which questions have opposite answers in `side_by_side`."""
    if names := _opposite(tables, label):
        return Markdown(f"With opposite answers under {' and '.join(tables)}: {'; '.join(names)}.")
    return Markdown(f"No question has opposite answers under {' and '.join(tables)}.")


def _opposite(tables: Mapping[str, pd.DataFrame], label: str) -> list[str]:
    verdicts: dict[str, set[str]] = {}
    for results in tables.values():
        for question, verdict in zip(results[label], results["verdict"], strict=True):
            verdicts.setdefault(question, set()).add(verdict)
    better = {"holds", "holds but negligible"}
    return [question for question, words in verdicts.items() if "contradicted" in words and words & better]


def _answer(row: pd.Series) -> str:
    return f"{_with_interval(row['estimate'], row['low'], row['high'])}, {row['verdict']}"


def reading(results: pd.DataFrame, report: str | None = None) -> Markdown:
    """Return the claims (of one report, if given) with verdict, adjusted p, evidence and what would decide.

    Below the table stands what they rest on (profile, precision, device, backend and copy of the data), and what is
    missing for claims that lack runs, with the command that trains it.
    """
    chosen = results if report is None else results[results["report"] == report]
    if chosen.empty:
        return Markdown("*There is no such conclusion.*")
    enough = chosen["verdict"] != "not enough runs"
    parts = ((_tested, chosen[enough]), (_untested, chosen[~enough]))
    return Markdown("\n\n".join(write(part) for write, part in parts if len(part)))


def _tested(results: pd.DataFrame) -> str:
    shown = table(["", "conclusion", "verdict (Holm's p)", "evidence"], map(_row, results.itertuples()))
    rest = "; ".join(
        f"conclusion{'s' * (not numbers.isdigit())} {numbers}: {basis}" for basis, numbers in shared_conditions(results)
    )
    return shown + (f"\n\nThe runs behind them. {rest[0].upper()}{rest[1:]}." if rest else "")


def _untested(results: pd.DataFrame) -> str:
    """Return the claims without runs enough, a line a report and command: what is missing, and what trains it."""
    rows, results = [], results.assign(command=results.get("command", ""))  # of published conclusions alone
    for (report, command), group in results.groupby(["report", "command"], sort=False):
        missing = dict.fromkeys(name for text in group["missing"] for name in text.split(", "))
        numbers = ", ".join(str(number) for number in group["number"])
        rows.append((report, numbers, few(list(missing)), f"`{command}`" if command else "—"))
    return "Not enough runs for a verdict:\n\n" + table(["report", "conclusions", "missing", "trained by"], rows)


def contradictions(results: pd.DataFrame) -> Markdown:
    """Return `reports.contradictions` for reading."""
    rows = [
        (row.report, row.experiment, in_words(row.metric), f"{row.place} {row.value:.6g}",
         f"{row.other_place} {row.other:.6g}", f"{row.difference:+.4g}", f"{row.allowed:.2g}")
        for row in results.itertuples()
    ]  # fmt: skip
    header = ["report", "experiment", "number", "one place", "other place", "difference", "rounding explains"]
    return Markdown(table(header, rows))


def against_runs(results: pd.DataFrame) -> Markdown:
    """Return the rows of `reports.against_runs` whose published number our interval excludes, for reading."""
    rows = [
        (row.report, row.experiment, in_words(row.metric), row.place, f"{row.published:.4g}",
         f"{row.estimate:.4f} [{row.low:.4f}, {row.high:.4f}]", "yes" if row.likely else "**no**")
        for row in results[~results["inside"].astype(bool)].itertuples()
    ]  # fmt: skip
    if not rows:
        return Markdown("*Our intervals exclude no published number.*")
    header = ["report", "experiment", "number", "place", "published", "our mean and interval", "possible as one run"]
    unlikely = ~results["likely"].astype(bool)
    groups = unlikely.groupby([results["report"], results["pixels"]], sort=False)
    counts = "; ".join(f"{name} ({pixels}) {group.sum()} of {len(group)}" for (name, pixels), group in groups)
    text = (
        f"Of {len(results)} numbers compared, our intervals exclude {len(rows)}, and {unlikely.sum()} lie where fewer "
        f"than one further run in twenty would. By report and copy of the pixels: {counts}. Chance alone would put "
        "about one in twenty there; numbers of one run, such as its accuracy and its loss, go together."
    )
    return Markdown(f"{text}\n\n{table(header, rows)}")


def mistakes(results: pd.DataFrame) -> Markdown:
    """Return `reports.mistakes` for reading."""
    rows = []
    for row in results.itertuples():
        missing = f"missing runs: {few(row.missing.split(', '))}" if row.missing else ""
        missing += f" (`{row.command}`)" if row.command else ""
        text = "; ".join(filter(None, (row.evidence, missing))) or "no run can show it: records keep no weights"
        rows.append((row.number, row.report, f"{row.mistake} {row.consequence}", text))
    return Markdown(table(["", "report", "mistake", "what our runs say"], rows))


def single_runs(results: pd.DataFrame) -> Markdown:
    """Return `analysis.single_run_risk` for reading, differences in points."""
    rows = [
        (row.label, in_words(row.metric), _points(row.published),
         _with_interval(row.difference, row.low, row.high),
         f"{100 * row.wrong_order:.0f} %", {True: "ours", False: "the other"}.get(row.as_ours, ""),
         _seeds(row.seeds_needed))
        for row in results.itertuples()
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


def _whose(results: pd.DataFrame, tested: pd.DataFrame) -> str:
    """Return whose the tested ones are, where others have none."""
    counts = tested["report"].value_counts(sort=False)
    if len(counts) == results["report"].nunique():
        return ""
    if len(counts) == 1:
        return f", all of report {counts.index[0]}"
    return f" ({', '.join(f'{count} of report {name}' for name, count in counts.items())})"


def _note(row: object) -> str:
    """Return how a confirmed conclusion was read, and how many questions of a contradicted one hold, each alone."""
    if row.verdict != "contradicted":
        return f" ({row.reading[0].lower()}{row.reading[1:].rstrip('.')})" if row.reading else ""
    pro = sum(part.p_for < ALPHA for part in row.parts)
    return f" (though {pro} of its {len(row.parts)} questions hold{'s' * (pro == 1)})" if pro else ""


def _row(row: object) -> tuple[object, ...]:
    p = "by rule" if math.isnan(row.adjusted_p) else f"{row.adjusted_p:.2g}" if row.adjusted_p >= 1e-4 else "< 0.0001"
    verdict = f"**{row.verdict}**" + (", fragile" if row.fragile else "") + f" ({p})"
    text = row.text + (f" *({row.reading})*" if row.reading else "")
    evidence = [row.evidence]
    if aspects := aspects_in(row.differs):
        evidence.append(f"**not the same in all of these runs: {', '.join(aspects)}**")
    if seeds := _seeds(row.seeds_to_decide):
        evidence.append(f"smallest detectable difference: {_amount(row)}; seeds to decide: {seeds}")
    return row.number or "", text, verdict, "; ".join(evidence)


def _amount(row: object) -> str:
    if math.isinf(row.smallest_detectable):
        return "none, without variance"
    if row.unit == "fraction":
        return f"{100 * row.smallest_detectable:.2f} points"
    return f"{row.smallest_detectable:.3g} {row.unit}"


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
