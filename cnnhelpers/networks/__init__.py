"""Networks of the five reports in plain Keras: functions `(input_shape, classes, *, options) -> keras.Model`.

input_shape = (height, width, channels); each network ends in a softmax, (batch, classes). The default options give the
network as the report describes it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "backbones": ["SMALLEST_SIDE", "check_backbone", "scales_itself", "small_resnet"],
        "layers": ["check_dropout", "check_strength"],
        "report_a": ["report_a_cnn"],
        "report_b": ["report_b_cnn", "report_b_dense"],
        "report_c": ["report_c_2", "report_c_2_pairs", "report_c_3", "report_c_34", "report_c_5", "report_c_7"],
        "report_d": [
            *("report_d_0", "report_d_1", "report_d_4", "report_d_5"),
            *("report_d_6", "report_d_7", "report_d_10", "report_d_11"),
        ],
        "report_e": ["report_e_1", "report_e_2", "report_e_3", "report_e_4", "report_e_backbone"],
    },
)
