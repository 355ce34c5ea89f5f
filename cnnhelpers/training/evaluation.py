"""Evaluate a trained model once on every part: accuracy, loss, confusion matrix, measures of each class."""

from typing import Any

import keras
import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from cnnhelpers.data import Split
from cnnhelpers.training.pipeline import EVALUATION_BATCH, batches, gathered

GALLERY = 100  # first test images whose probabilities are kept, for galleries of predictions


def evaluate(
    model: keras.Model, parts: Split, class_names: tuple[str, ...], padding: str | None
) -> tuple[dict[str, dict[str, float]], dict[str, Any], dict[str, np.ndarray]]:
    """Return metrics and classes (as in records.Record) of each part, and arrays of the test part (as records.arrays).

    The loss is the cross-entropy with the penalty on weights, without one on activities.
    """
    metrics, classes, arrays = {}, {"names": list(class_names)}, {}
    penalized = [variable for variable in model.trainable_variables if variable.regularizer is not None]
    penalty = sum(float(keras.ops.convert_to_numpy(variable.regularizer(variable))) for variable in penalized)
    for name, part in parts.parts().items():
        images, labels = gathered(part, padding)
        labels = labels.astype(int)
        probabilities = model.predict(**batches(images, batch_size=EVALUATION_BATCH), verbose=0)
        predicted = probabilities.argmax(axis=1)
        crossentropy = cross_entropy(probabilities, labels)
        accuracy = float((predicted == labels).mean())
        metrics[name] = {"accuracy": accuracy, "crossentropy": crossentropy, "loss": crossentropy + penalty}
        classes[name] = class_measures(labels, predicted, len(class_names))
        if name == "test":
            arrays = {"test_correct": np.packbits(predicted == labels), "num_test": np.asarray(len(labels))}
            arrays["gallery_probabilities"] = probabilities[:GALLERY].astype(np.float32)
    return metrics, classes, arrays


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean cross-entropy in nats of `probabilities` (num_images, classes), clipped at 1e-7 as Keras does.

    >>> round(cross_entropy(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1])), 4)
    0.4904
    """
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, 1e-7, 1.0)).mean())


def class_measures(labels: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, Any]:
    """Return the confusion matrix (rows true, columns predicted) and precision, recall and F1 of each class."""
    options = {"y_true": labels, "y_pred": predicted, "labels": np.arange(classes)}
    precision, recall, f1, _ = precision_recall_fscore_support(**options, zero_division=0.0)
    measures = {"confusion": confusion_matrix(**options), "precision": precision, "recall": recall, "f1": f1}
    return {name: values.tolist() for name, values in measures.items()}
