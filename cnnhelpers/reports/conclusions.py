"""The thirty conclusions of the five reports, each with the questions that test it.

Accuracy is measured on the test images, which no choice depends on; a gap is training minus validation accuracy at the
end of training, without dropout; losses are without penalty. `reading` tells how an ambiguous sentence is understood.
"""

from dataclasses import replace

from cnnhelpers.claims import (
    Claim,
    above,
    at_least,
    below,
    best,
    better,
    does_not_overfit,
    equal,
    fails_to_learn,
    lower,
    overfits,
    rises,
)

RANDOM_MORAN = -1 / 8  # mean of Moran's I over random orders of nine weights, see interpretability
A_EIGHT = [f"A{number}" for number in range(1, 9)]
A_PAIRS = [("A1", "A2"), ("A3", "A4"), ("A5", "A6"), ("A7", "A8")]  # 3 convolutions, 1 convolution
B_SIXTEEN = [f"B{number}" for number in range(1, 17)]
B_CNNS = ["B3", "B4", "B7", "B8", "B15", "B16"]  # without penalty
B_PAIRS = [("B3", "B1"), ("B4", "B2"), ("B7", "B5"), ("B8", "B6")]  # CNN, dense network
B_PAIRS += [("B11", "B9"), ("B12", "B10"), ("B15", "B13"), ("B16", "B14")]  # with penalty, dropout
B_STOPPED = [("B5", "B1"), ("B6", "B2"), ("B7", "B3"), ("B8", "B4")]  # with early stopping, without
C_FOURTEEN = ["C21", "C22", "C23", "C24", "C31", "C32", "C33", "C34", "C51", "C52", "C53", "C54", "C71", "C72"]
C_REGULARIZED = [("C23", "C21"), ("C24", "C22"), ("C33", "C31"), ("C53", "C51"), ("C54", "C52")]  # C34 has no partner
C_KERNELS = [("C22", "C21"), ("C24", "C23"), ("C32", "C31"), ("C52", "C51"), ("C54", "C53"), ("C72", "C71")]
E_BACKBONES = ["E-resnet50", "E-vgg16"]
E_BATCHES = ["E4/batch_size=16", "E4/batch_size=32", "E4/batch_size=64", "E4"]
E_RATES = [f"E4/learning_rate={rate}" for rate in ("0.01", "0.02", "0.002")]

REPORT_A = [
    Claim(
        "More convolutions do not consistently improve the model",
        [at_least(one, three) for three, one in A_PAIRS],
        logic="any",
        reading="Under at least one regularization three convolutions gain less than the margin over one convolution.",
    ),
    Claim(
        "L2 with 1 convolution is the best of the eight",
        best("A4", A_EIGHT),
        reading="The network as a whole, with its dense layer, which the networks without L2 do not have.",
    ),
    Claim(
        "Validation accuracy ends above training accuracy for dropout with 3 convolutions only",
        [below("A5", 0.0, "running_gap"), *(above(name, 0.0, "running_gap") for name in A_EIGHT if name != "A5")],
        reading="Training accuracy as in the report: the running mean of the last epoch, with dropout active.",
    ),
    Claim(
        "Models 2, 3 and 8 overfit by the end of the ten epochs",
        [overfits("A2", 6), overfits("A3", 6)],
        reading="Model 8 is model 2 with early stopping, the same run until it stops: it is not tested again.",
    ),
    Claim(
        "The gap between training and validation is smaller with 3 convolutions than with 1",
        [lower(three, one, "gap") for three, one in A_PAIRS],
    ),
    Claim(
        "1 convolution trains faster than 3, and early stopping with 1 is the fastest of all",
        [
            *(lower(one, three, "cpu_seconds") for three, one in A_PAIRS),
            best("A8", A_EIGHT, "cpu_seconds", chosen_on="cpu_seconds", direction="lower"),
        ],
        reading="Processor time of the whole training, which depends less on other programs than wall-clock time.",
    ),
    Claim(
        "Retraining on all training images lifts test accuracy above validation accuracy",
        better("A-top", "A4"),
        reading="Both on the test images; the report took the accuracy before retraining from validation images, which "
        "may be easier or harder.",
    ),
    Claim(
        "Deeper filters show more condensed patterns",
        [
            better("A-vis", "A-vis", "last_filters_moran", metric_b="first_filters_moran"),
            above("A-vis", RANDOM_MORAN, "last_filters_moran"),
        ],
        reading="Neighbouring weights of a filter are more similar (Moran's I) in convolution 4 than in convolution 1 "
        "and than in random order.",
    ),
]
REPORT_B = [
    Claim(
        "CNNs beat dense networks by over 20 points",
        [better(cnn, dense, by=0.20) for cnn, dense in B_PAIRS],
        reading="With the same regularization on both sides, in all eight pairs.",
    ),
    Claim(
        "Dropout 0.2 with 3 convolutions is the best and overfits least",
        [best("B16", B_SIXTEEN), best("B16", B_CNNS, "test_gap", chosen_on="gap", direction="lower")],
        reading="Overfits least among the CNNs without penalty: the report leaves out networks that underfit.",
    ),
    Claim(
        "L1 and L2 at Keras' default destroy the dense networks (10 %) and hurt the CNNs",
        [fails_to_learn("B9"), fails_to_learn("B10"), better("B3", "B11"), better("B4", "B12")],
    ),
    Claim(
        "Early stopping keeps test accuracy at less time",
        [
            *(at_least(stopped, full) for stopped, full in B_STOPPED),
            *(lower(stopped, full, "epochs_run") for stopped, full in B_STOPPED),
        ],
        reading="Time in epochs, which take equally long with and without early stopping: seconds of runs on different "
        "machines cannot be compared.",
    ),
    Claim(
        "Three convolution blocks beat two",
        [better(three, two) for three, two in [("B4", "B3"), ("B8", "B7"), ("B12", "B11"), ("B16", "B15")]],
    ),
]
REPORT_C = [
    Claim(
        "Without dropout and L2 the networks overfit after 10 to 15 epochs",
        [overfits(name, 12) for name in ("C21", "C22", "C31", "C32")],
        reading="C51 and C52 are left out: listed as without, they have dropout in their head.",
    ),
    Claim(
        "With dropout and L2 training and test loss converge",
        [lower(regularized, plain, "loss_gap") for regularized, plain in C_REGULARIZED],
        reading="Test minus training loss, at the end, dropout inactive, is smaller than in the same network without. "
        "C51 and C52, listed as without, keep dropout and batch normalization in their head.",
    ),
    Claim(
        "5x5 kernels are at least as good as 3x3 at every depth",
        [at_least(large, small) for large, small in C_KERNELS],
        reading="C33 has no partner: C34, listed with three convolutions, has five.",
    ),
    Claim("Seven convolutions of 5x5 are the best of the fourteen", best("C72", C_FOURTEEN)),
    Claim(
        "The deeper the network, the more regularization pays",
        [
            rises([("C23", "C21"), ("C33", "C31"), ("C53", "C51")]),
            rises([("C24", "C22"), ("C54", "C52")]),
        ],
        reading="The gain over the network listed as without rises from 2 to 5 convolutions, for 3x3 and for 5x5 "
        "kernels. The last gain is not over a plain network: C51 and C52 keep dropout and batch normalization in their "
        "head.",
    ),
]
REPORT_D = [
    Claim(
        "Batch normalization and spatial dropout cure overfitting, at 74 %",
        [below("D7", None, "gap"), above("D7", 0.74)],
        reading="Cured: the gap, without dropout, is below the margin. At 74 %: more than that on the test images.",
    ),
    Claim(
        "Adagrad and Adadelta fail within 10 epochs, Adamax equals Adam",
        [better("D7", "D8-adagrad"), better("D7", "D8-adadelta"), equal("D8-adamax", "D7")],
        reading="Fail: are worse than D7 with Adam. Each starts from new weights.",
    ),
    Claim(
        "D10 reaches 80 %, and more epochs narrow its gap",
        [above("D10-10", 0.80), lower("D10-15", "D10-10", "gap")],
    ),
    Claim("L2 on top of D10 hurts", better("D10-10", "D11")),
    Claim(
        "D6 cannot learn (10 %)",
        fails_to_learn("D6"),
        reading="A single run that learns contradicts the conclusion.",
    ),
]
REPORT_E = [
    Claim("E4 beats E1, E2 and E3", [better("E4", other) for other in ("E1", "E2", "E3")]),
    Claim(
        "Frozen ResNet50 and VGG16 at 32x32 lose to a small CNN and take more time",
        [
            *(better("E1", backbone) for backbone in E_BACKBONES),
            *(lower("E4", backbone, "cpu_seconds") for backbone in E_BACKBONES),
        ],
        reading="The small CNN is E1; time is compared with E4, the slowest of the four CNNs. The features of a frozen "
        "network are computed once here; the report computed them in every epoch.",
    ),
    Claim("Adam beats SGD", better("E4", "E4/optimizer=sgd")),
    Claim(
        "Time falls as the batch grows, and 128 is the best batch size",
        [rises(E_BATCHES, "cpu_seconds", direction="lower"), best("E4", E_BATCHES)],
    ),
    Claim("0.001 is the best learning rate of four", best("E4", E_RATES)),
    Claim(
        "Accuracy rises with the epochs up to 50 and is flat from 50 to 70",
        [rises(["E4/epochs=10", "E4/epochs=30", "E4"]), equal("E4/epochs=70", "E4")],
    ),
    Claim(
        "The pretrained networks do not overfit",
        [does_not_overfit(backbone, 25) for backbone in E_BACKBONES],
        reading="Validation loss still falls in the second half of the training.",
    ),
]


_REPORTS = {"A": REPORT_A, "B": REPORT_B, "C": REPORT_C, "D": REPORT_D, "E": REPORT_E}
CONCLUSIONS = tuple(
    replace(claim, report=letter, number=number, looks=letter != "A")  # A was planned for one look at 10 seeds
    for number, (letter, claim) in enumerate(
        ((letter, claim) for letter, claims in _REPORTS.items() for claim in claims), start=1
    )
)
