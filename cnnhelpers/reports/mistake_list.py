"""The eighteen mistakes found in the reports: what is wrong, what it does, and the runs that show it. Data only.

An experiment with FAIR after its name is the same one under the profile that puts the mistake right, with QUICK the
same one on fewer images, with NARROW at an eighth of its width, where that shows the mistake as well.
"""

from dataclasses import dataclass

from cnnhelpers.claims import Question, above, best, better, lower
from cnnhelpers.reports.conclusions import A_EIGHT, C_FOURTEEN

FAIR, QUICK, NARROW = " (fair)", " (quick)", " (narrow)"
D0 = f"D0{QUICK}"


@dataclass(frozen=True)
class Mistake:
    """One mistake of a report, in two sentences."""

    number: int
    report: str
    mistake: str  # what is wrong
    worth: str  # what it does to the report
    shown_by: tuple[Question, ...] = ()  # what runs can say of it; nothing where no run can
    spread_of: tuple[str, ...] = ()  # experiments whose spread between seeds shows it


MISTAKES = (
    Mistake(
        1,
        "A",
        "The table gives A5 a validation accuracy of 0.886, the log 0.8661.",
        "With the log's number dropout with three convolutions loses to one convolution instead of winning.",
        (above("A5", 0.886, "validation_accuracy"), better("A5", "A6", "validation_accuracy")),
    ),
    Mistake(
        2,
        "A",
        "The table gives A-top a test accuracy of 0.95, the printed evaluation 0.8924.",
        "The report's paragraph on why test accuracy beats validation accuracy explains a slip of the pen.",
        (above("A-top", 0.95),),
    ),
    Mistake(
        3,
        "A",
        "The text says that model 1 took longest to train, the report's own table says model 3.",
        "The lesson drawn from it, that training without regularization is slow, has no case.",
        (better("A3", "A1", "cpu_seconds"),),
    ),
    Mistake(
        4,
        "A",
        "Early stopping never stopped: models 7 and 8 ran all ten epochs.",
        "Their times and accuracies are those of models 1 and 2 again, read as an effect of early stopping.",
        (lower("A7", "A1", "epochs_run"), lower("A8", "A2", "epochs_run")),
    ),
    Mistake(
        5,
        "B",
        "The plots of most experiments draw the history of an interrupted first model, and B11's confusion matrix is "
        "that of model 10.",
        "What is read from those pictures is not about the experiments under which they stand; for B3 and B11 the runs "
        "say how far off the pictures are.",
        (better("B-base", "B3", "last_validation_accuracy"), better("B10", "B11")),
    ),
    Mistake(
        6,
        "B",
        "The dense networks flatten after their dense layers, which therefore act on each pixel alone: they are 1x1 "
        "convolutions.",
        "The gap between CNNs and dense networks is measured against networks that cannot see shapes. Those that can, "
        "with Flatten first, need not be better: the runs tell.",
        tuple(better(f"{name}-flattened{NARROW}", f"{name}{NARROW}") for name in ("B1", "B2", "B13", "B14")),
    ),
    Mistake(
        7,
        "B",
        "Losses with and without penalty stand in one column: most of B11's and B12's is penalty.",
        "Read as fit, such a column says that a network at half the images right fits worse than guessing.",
        (above("B11", 0.0, "penalty"), above("B12", 0.0, "penalty")),
    ),
    Mistake(
        8,
        "B",
        "B14's validation loss, 0.7604, is its training accuracy, copied into the wrong cell.",
        "It makes a network that overfits look like the one that generalizes best.",
        (above("B14", 0.7604, "validation_loss"),),
    ),
    Mistake(
        9,
        "C",
        "The test set is the validation set.",
        "No clean number is left for the winner that was chosen among fourteen on it.",
        (best(f"C72{FAIR}", [f"{name}{FAIR}" for name in C_FOURTEEN]),),
    ),
    Mistake(
        10,
        "C",
        "C34 is listed with three convolutions and has five; C51 and C52 are listed without dropout and batch "
        "normalization and have both in their head.",
        "Comparisons down the table change more than the row says.",
        (better("C34", "C33"),),
    ),
    Mistake(
        11,
        "C",
        "The violin titled output layer shows the kernel of the first dense layer, or of the third convolution.",
        "Nothing is shown of the output layer.",
    ),
    Mistake(
        12,
        "D",
        "Adagrad, Adadelta and Adamax were trained one after the other without new weights.",
        "Each starts where the last one ended, so that the later optimizers look better than they are.",
        (better("D8-adadelta-after", "D8-adadelta"), better("D8-adamax-after", "D8-adamax")),
    ),
    Mistake(
        13,
        "D",
        "What is printed as test accuracy is validation accuracy, the test evaluation ran on emptied labels, and the "
        "pictures of D8 and D10 show D2's predictions.",
        "The report has no test accuracy at all.",
        (better("D7", "D7", "test_accuracy", instead_of="validation_accuracy"),),
    ),
    Mistake(
        14,
        "D",
        "The test images were divided by 255 three times, because a cell was run again.",
        "The last predictions answer nearly black images, whatever the network is worth.",
        (
            better(D0, D0, "twice_scaled_accuracy", instead_of="once_scaled_accuracy"),
            better(D0, D0, "thrice_scaled_accuracy", instead_of="once_scaled_accuracy"),
        ),
    ),
    Mistake(
        15,
        "D",
        "D1 and D2 are the same model.",
        "Their difference, read as an effect, is the spread between seeds that the report does not measure.",
        spread_of=("D1",),
    ),
    Mistake(
        16,
        "E",
        "The text says that model 4 has the best training accuracy, table 1 says model 1; times of the backbones and "
        "rates of dropout differ between text, log and code as well.",
        "The praise of model 4 rests in part on a number that another model has.",
        (better("E1", "E4", "train_accuracy"),),
    ),
    Mistake(
        17,
        "E",
        "The grey images fill the middle colour channel only and skip the backbones' own preprocessing.",
        "The pretrained networks are judged on images unlike any that they were trained on.",
        (better(f"E-resnet50{FAIR}", "E-resnet50"), better(f"E-vgg16{FAIR}", "E-vgg16")),
    ),
    Mistake(
        18,
        "all",
        "Every number is one run, and the best of many is reported on the data that chose it.",
        "The differences that are read, of 0.1 to 1 point, are of the size of the spread between seeds.",
        spread_of=tuple(A_EIGHT),
    ),
)
