"""The eighteen mistakes of the reports: description, consequence, and the recorded runs that show each.

FAIR, QUICK or NARROW after a name is the experiment under that profile: with the mistake corrected, on fewer images, or
at an eighth of its width.
"""

from dataclasses import dataclass

import pandas as pd

from cnnhelpers.analysis import Measurements, measure
from cnnhelpers.claims import Question, above, best, better, lower
from cnnhelpers.records import differing, of_one_copy
from cnnhelpers.reports.conclusions import A_EIGHT, C_FOURTEEN
from cnnhelpers.reports.profiles import command
from cnnhelpers.statistics import MIN_PAIRS, interval

FAIR, QUICK, NARROW = " (fair)", " (quick)", " (narrow)"
SUFFIXES = {"published": "", "fair": FAIR, "quick": QUICK, "narrow": NARROW}
D0 = f"D0{QUICK}"


@dataclass(frozen=True)
class Mistake:
    """A mistake of a report."""

    number: int
    report: str
    mistake: str
    consequence: str
    questions: tuple[Question, ...] = ()  #: that runs answer; none where no run can show the mistake
    spread_of: tuple[str, ...] = ()  #: experiments whose spread between seeds shows the mistake


MISTAKES = (
    Mistake(
        1,
        "A",
        "The table gives A5 a validation accuracy of 0.886, the log 0.8661.",
        "By the log, dropout with three convolutions loses to one convolution; by the table it wins.",
        (above("A5", 0.886, "validation_accuracy"), better("A5", "A6", "validation_accuracy")),
    ),
    Mistake(
        2,
        "A",
        "The table gives A-top a test accuracy of 0.95, the printed evaluation 0.8924.",
        "The report's explanation of a test accuracy above validation accuracy explains a typing error.",
        (above("A-top", 0.95),),
    ),
    Mistake(
        3,
        "A",
        "The text says that model 1 took longest to train, the report's own table says model 3.",
        "The conclusion that training without regularization is slow has no evidence.",
        (better("A3", "A1", "cpu_seconds"),),
    ),
    Mistake(
        4,
        "A",
        "Early stopping never stopped a training: models 7 and 8 ran all ten epochs.",
        "Their times and accuracies repeat those of models 1 and 2 and are read as effects of early stopping.",
        (lower("A7", "A1", "epochs_run"), lower("A8", "A2", "epochs_run")),
    ),
    Mistake(
        5,
        "B",
        "Most plots show the history of an interrupted first model, and B11's confusion matrix is that of model 10.",
        "Readings of these plots are about other experiments; for B3 and B11 the runs show how far off they are.",
        (better("B-base", "B3", "last_validation_accuracy"), better("B10", "B11")),
    ),
    Mistake(
        6,
        "B",
        "The dense networks flatten after their dense layers, which therefore act on each pixel alone: they are 1x1 "
        "convolutions.",
        "The gap between CNNs and dense networks is measured against networks that cannot see shapes. Networks that "
        "flatten first can, and still need not be better.",
        tuple(better(f"{name}-flattened{NARROW}", f"{name}{NARROW}") for name in ("B1", "B2", "B13", "B14")),
    ),
    Mistake(
        7,
        "B",
        "One column holds losses with penalty and losses without: most of B11's and B12's is penalty.",
        "Read as fit, the column says that a network with half the images right fits worse than guessing.",
        (above("B11", 0.0, "penalty"), above("B12", 0.0, "penalty")),
    ),
    Mistake(
        8,
        "B",
        "B14's validation loss, 0.7604, is its training accuracy, copied into the wrong cell.",
        "A network that overfits looks like the network that generalizes best.",
        (above("B14", 0.7604, "validation_loss"),),
    ),
    Mistake(
        9,
        "C",
        "The test set is the validation set.",
        "The winner was chosen among fourteen networks on the test set, so its accuracy there is biased.",
        (best(f"C72{FAIR}", [f"{name}{FAIR}" for name in C_FOURTEEN]),),
    ),
    Mistake(
        10,
        "C",
        "C34 is listed with three convolutions and has five; C51 and C52 are listed without dropout and batch "
        "normalization and have both in their head.",
        "Neighbouring rows of the table differ in more than the table says.",
        (better("C34", "C33"),),
    ),
    Mistake(
        11,
        "C",
        "The violin plot titled output layer shows the kernel of the first dense layer, or of the third convolution.",
        "The report shows nothing of the output layer.",
    ),
    Mistake(
        12,
        "D",
        "Adagrad, Adadelta and Adamax were trained one after the other without new weights.",
        "Each continues where the last one ended, so the later optimizers look better than they are.",
        (better("D8-adadelta-after", "D8-adadelta"), better("D8-adamax-after", "D8-adamax")),
    ),
    Mistake(
        13,
        "D",
        "The printed test accuracy is validation accuracy, the test evaluation ran on emptied labels, and the pictures "
        "of D8 and D10 show D2's predictions.",
        "The report has no test accuracy at all.",
        (better("D7", "D7", "test_accuracy", metric_b="validation_accuracy"),),
    ),
    Mistake(
        14,
        "D",
        "The test images were divided by 255 three times, because a cell was executed again.",
        "The last predictions are for nearly black images, whatever the network has learned.",
        (
            better(D0, D0, "twice_scaled_accuracy", metric_b="once_scaled_accuracy"),
            better(D0, D0, "thrice_scaled_accuracy", metric_b="once_scaled_accuracy"),
        ),
    ),
    Mistake(
        15,
        "D",
        "D1 and D2 are the same model.",
        "Their difference, read as an effect, is the spread between seeds, which the report does not measure.",
        spread_of=("D1",),
    ),
    Mistake(
        16,
        "E",
        "The text gives the best training accuracy to model 4, table 1 to model 1; times of the backbones and rates of "
        "dropout differ between text, log and code as well.",
        "The praise of model 4 rests in part on a number of another model.",
        (better("E1", "E4", "train_accuracy"),),
    ),
    Mistake(
        17,
        "E",
        "The grey images fill the middle colour channel only and skip the backbones' own preprocessing.",
        "The pretrained networks are judged on images unlike all their training images.",
        (better(f"E-resnet50{FAIR}", "E-resnet50"), better(f"E-vgg16{FAIR}", "E-vgg16")),
    ),
    Mistake(
        18,
        "all",
        "Every number comes from a single run, and the best of many is reported on the data that chose it.",
        "The differences that are read, of 0.1 to 1 point, are of the size of the spread between seeds.",
        spread_of=tuple(A_EIGHT),
    ),
)


def mistakes(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the eighteen mistakes with the evidence of recorded runs.

    Parameters
    ----------
    runs
        Of the profiles "published" and, where recorded, "fair", "quick" and "narrow"; see `measured_runs`.

    Returns
    -------
    pandas.DataFrame
        Columns number, report, mistake, consequence, evidence ("" where runs are missing or cannot show the mistake),
        missing (experiments without enough runs) and command, which trains these.
    """
    suffixes = (runs["profile"] if "profile" in runs else pd.Series("published", index=runs.index)).map(SUFFIXES)
    named = runs.assign(experiment=runs["experiment"] + suffixes)[suffixes.notna()]
    measurements = measure(of_one_copy(named.drop(columns="profile", errors="ignore")))
    return pd.DataFrame([_row(mistake, measurements) for mistake in MISTAKES])


def _row(mistake: Mistake, runs: Measurements) -> dict[str, object]:
    needed = [name for question in mistake.questions for name in question.experiments] + [*mistake.spread_of]
    missing = [name for name in dict.fromkeys(needed) if runs.recorded(name) < MIN_PAIRS]
    complete = [name for name in dict.fromkeys(needed) if name not in missing]
    texts = [
        str(question.answer(runs.of(question.experiments)))
        for question in mistake.questions
        if {*question.experiments} <= {*complete}
    ]
    if mistake.spread_of and {*mistake.spread_of} <= {*complete}:
        spreads = [f"{100 * interval(runs.values(name, 'test_accuracy')).sd:.2f}" for name in mistake.spread_of]
        texts.append(f"SD of test accuracy between seeds: {' to '.join(sorted({min(spreads), max(spreads)}))} points")
    if texts and (differs := differing(runs.rows(complete))):
        texts.append(differs)
    row = {"number": mistake.number, "report": mistake.report, "mistake": mistake.mistake}
    row |= {"consequence": mistake.consequence, "evidence": "; ".join(texts)}
    row |= {"missing": ", ".join(runs.so_far(name, MIN_PAIRS) for name in missing)}
    return row | {"command": "; ".join(_commands(missing))}


def _commands(missing: list[str]) -> list[str]:
    """Return the commands that train experiments, of more than three those of their report.

    >>> _commands(["D0 (quick)"]), _commands(["C21 (fair)", "C22 (fair)", "C23 (fair)", "C24 (fair)"])
    (['python -m cnnhelpers run D0 --profile quick --seeds 5'], ['python -m cnnhelpers run C --profile fair'])
    """
    known = [name for name in missing if "-flattened" not in name]  # those are trained by their page
    parts = [(name.partition(" (")[0], name.partition(" (")[2].rstrip(")") or "published") for name in known]
    targets = dict.fromkeys((name[0] if len(known) > 3 else name, profile) for name, profile in parts)
    return [command(name, profile, MIN_PAIRS if profile == "quick" else None) for name, profile in targets]
