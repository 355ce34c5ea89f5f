"""The networks of the five reports in plain Keras: functions `(input_shape, classes, *, options) -> keras.Model`.

input_shape = (height, width, channels). Each ends in a softmax, (batch, classes). One file a report; what the report's
experiments vary is an option, and with the options left alone a network is the one that the report describes.
"""

from cnnhelpers.networks.report_a import report_a
from cnnhelpers.networks.report_b import report_b_cnn, report_b_dense
from cnnhelpers.networks.report_c import report_c_2, report_c_2_pairs, report_c_3, report_c_5, report_c_7, report_c_34
from cnnhelpers.networks.report_d import (
    report_d_0,
    report_d_1,
    report_d_4,
    report_d_5,
    report_d_6,
    report_d_7,
    report_d_10,
    report_d_11,
)
from cnnhelpers.networks.report_e import report_e_1, report_e_2, report_e_3, report_e_4, report_e_backbone

__all__ = [
    "report_a",
    "report_b_cnn",
    "report_b_dense",
    "report_c_2",
    "report_c_2_pairs",
    "report_c_3",
    "report_c_5",
    "report_c_7",
    "report_c_34",
    "report_d_0",
    "report_d_1",
    "report_d_4",
    "report_d_5",
    "report_d_6",
    "report_d_7",
    "report_d_10",
    "report_d_11",
    "report_e_1",
    "report_e_2",
    "report_e_3",
    "report_e_4",
    "report_e_backbone",
]
