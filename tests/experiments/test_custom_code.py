"""Custom code is part of the identity with all that it uses; where it cannot be described, it is refused."""

import importlib
import importlib.util
import inspect
import linecache
import pickle
import sys
import textwrap
from itertools import count

import keras
import numpy as np
import pytest

from cnnhelpers import Experiment, Protocol
from cnnhelpers.data.datasets import DatasetInfo
from cnnhelpers.errors import InputError
from cnnhelpers.experiments.custom_code import is_library, value_text
from cnnhelpers.experiments.identity import config_of

INFO = DatasetInfo("planted", (8, 8, 1), 4, "ab" * 32, True)
NUMBERS = count()

START = """
import keras
import numpy as np
from keras import layers, ops


def network(input_shape, classes):
    {before}
    return keras.Sequential(
        [keras.Input(input_shape), {layer}, layers.Flatten(), layers.Dense(classes, activation={activation!s})]
    )


"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function from source code to its module, loaded from a file of its own."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source, name=None):
        name = name or f"written_{next(NUMBERS)}"
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        importlib.invalidate_caches()
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return write


def source(code="", layer="layers.Rescaling(1.0)", activation="'softmax'", before="pass"):
    return START.format(layer=layer, activation=activation, before=before) + textwrap.dedent(code.strip("\n")) + "\n"


def text(module):
    return Experiment(module.network, Protocol(), id="custom").text(INFO)


LAYER = """
SHARPNESS = 1.0
def helper(x):
    return x * SHARPNESS
class Base(layers.Layer):
    def sharpen(self, x):
        return helper(x)
class Sharp(Base):
    strength = 3.0
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor
    def call(self, x):
        return self.sharpen(x) * self.factor * self.strength
    def get_config(self):
        return super().get_config() | {"factor": self.factor}
"""
ACTIVATION = """
SLOPES = [0.1, 0.2]
TABLE = np.array([0.1, 0.2])
def slope():
    return 0.1
def leaky(x, low={default}):
    return ops.leaky_relu(x, {use})
"""


def activation(use="low", default="0.1", code=ACTIVATION):
    return source(code.format(use=use, default=default), activation="leaky")


def layer(code=LAYER, made="Sharp()", **options):
    return source(code, layer=made, **options)


CHANGES = {
    "a constant that a method uses through a helper": (layer(), "SHARPNESS = 1.0", "SHARPNESS = 0.0"),
    "a helper of a base class": (layer(), "x * SHARPNESS", "x + SHARPNESS"),
    "a base class": (layer(), "return helper(x)", "return 2 * helper(x)"),
    "a value of the class": (layer(), "strength = 3.0", "strength = 4.0"),
    "an argument in the config": (layer(), "Sharp()", "Sharp(2.0)"),
    "the default of an argument": (layer(), "factor=1.0", "factor=2.0"),
    "a loss added in a layer": (
        layer(
            LAYER.replace(
                "        return self.sharpen",
                "        self.add_loss(WEIGHT * ops.mean(x))\n        return self.sharpen",
            )
            + "WEIGHT = 1.0\n"
        ),
        "WEIGHT = 1.0",
        "WEIGHT = 2.0",
    ),
    "a helper of an activation": (activation("slope()"), "return 0.1", "return 0.2"),
    "a default from a constant": (activation(default="SLOPES[0]"), "[0.1, 0.2]\nTABLE", "[0.3, 0.2]\nTABLE"),
    "a list": (activation("SLOPES[0]"), "SLOPES = [0.1", "SLOPES = [0.3"),
    "an array": (activation("TABLE[0]"), "array([0.1", "array([0.3"),
    "an array of another type": (activation("TABLE[0]"), "array([0.1, 0.2]", "array([0.1, 0.2], 'float32'"),
    "a dict within a tuple": (activation("PAIR[0]['a']") + "PAIR = ({'a': 0.1}, 2)", "0.1}, 2", "0.2}, 2"),
    "a set": (activation("len(NAMES)") + "NAMES = {'a', 'b'}", "'b'}", "'c'}"),
    "a tensor": (
        activation("TENSOR") + "TENSOR = ops.convert_to_tensor(0.1)",
        "TENSOR = ops.convert_to_tensor(0.1",
        "TENSOR = ops.convert_to_tensor(0.2",
    ),
    "a partial": (
        activation("HALF(0.5)")
        + "import functools\ndef times(a, b): return a * b\nHALF = functools.partial(times, 0.5)",
        "times, 0.5",
        "times, 0.4",
    ),
    "a lambda that is a constant": (activation("HALF(0.5)") + "HALF = lambda x: x / 2", "x / 2", "x / 3"),
    "a function of a library by another name": (activation("OP(0.5)") + "OP = np.sin", "np.sin", "np.cos"),
    "a decorator": (
        activation("slope()")
        .replace("def slope", "@twice\ndef slope")
        .replace(
            "SLOPES =",
            "def twice(function):\n    def call():\n        return 2 * function()\n    return call\nSLOPES =",
        ),
        "return 2 *",
        "return 3 *",
    ),
    "a function under a decorator of a library": (
        activation("slope()")
        .replace("def slope", "@functools.lru_cache\ndef slope")
        .replace("SLOPES =", "import functools\nSLOPES ="),
        "return 0.1",
        "return 0.2",
    ),
    "a context manager": (
        activation("next(slope().gen)")
        .replace("def slope():\n    return", "@contextlib.contextmanager\ndef slope():\n    yield")
        .replace("SLOPES =", "import contextlib\nSLOPES ="),
        "yield 0.1",
        "yield 0.2",
    ),
    "a value that a function closes over": (
        activation("slope()") + "def make(a):\n    def slope(): return a\n    return slope\nslope = make(0.1)",
        "make(0.1)",
        "make(0.2)",
    ),
    "a static method": (
        activation("Slopes.low()") + "class Slopes:\n    @staticmethod\n    def low(): return 0.1",
        "low(): return 0.1",
        "low(): return 0.2",
    ),
    "an instance": (
        activation("SLOPE.low")
        + "import dataclasses\n@dataclasses.dataclass\nclass Slopes:\n    low: float\nSLOPE = Slopes(0.1)",
        "Slopes(0.1)",
        "Slopes(0.2)",
    ),
    "a member of an enum": (
        activation("LOW.value")
        + "import enum\nclass Slopes(enum.Enum):\n    LOW = 0.1\n    HIGH = 0.2\nLOW = Slopes.LOW",
        "LOW = Slopes.LOW",
        "LOW = Slopes.HIGH",
    ),
    "a function in a function": (
        activation("inner()").replace("    return ops", "    def inner():\n        return SLOPES[1]\n    return ops"),
        "0.2]\nTABLE",
        "0.3]\nTABLE",
    ),
    "an initializer's argument": (
        source(
            """
            class Ones(keras.initializers.Initializer):
                def __init__(self, gain): self.gain = gain
                def __call__(self, shape, dtype=None): return self.gain * ops.ones(shape, dtype)
                def get_config(self): return {"gain": self.gain}
            """,
            layer="layers.Conv2D(2, 3, kernel_initializer=Ones(2.0))",
        ),
        "Ones(2.0)",
        "Ones(3.0)",
    ),
    "an initializer that is a function": (
        source(
            "GAIN = 2.0\ndef ones(shape, dtype=None): return GAIN * ops.ones(shape, dtype)",
            layer="layers.Conv2D(2, 3, kernel_initializer=ones)",
        ),
        "GAIN = 2.0",
        "GAIN = 3.0",
    ),
    "an array in the config": (
        layer(LAYER, "Sharp(np.array([1.0, 2.0]))").replace("Sharp()", "Sharp(np.array([1.0, 2.0]))"),
        "2.0]",
        "3.0]",
    ),
    "an array of a layer of Keras": (source(layer="layers.Rescaling(np.array([1.0]))"), "[1.0]", "[2.0]"),
    "the mean of a normalization": (source(layer="layers.Normalization(mean=0.1, variance=1.0)"), "0.1", "0.2"),
    "a large array": (source(layer="layers.Rescaling(np.ones((8, 8, 1)) * 2.0)"), "* 2.0", "* 3.0"),
    "a layer in a layer": (
        layer(
            """
            class Twice(layers.Layer):
                def __init__(self, filters=2, **options):
                    super().__init__(**options)
                    self.filters = filters
                    self.convolution = layers.Conv2D(filters, 3)
                def call(self, x): return self.convolution(x)
                def get_config(self): return super().get_config() | {"filters": self.filters}
            """,
            "Twice(2)",
        ),
        "Twice(2)",
        "Twice(3)",
    ),
    "weights that a layer's build sets": (
        layer(
            """
            class Fixed(layers.Layer):
                def build(self, shape):
                    self.table = self.add_weight(shape=(1,), initializer="zeros", trainable=False)
                    self.table.assign(np.array([2.0]))
                def call(self, x): return x * self.table
            """,
            "Fixed()",
        ),
        "[2.0]",
        "[3.0]",
    ),
}


@pytest.mark.parametrize(("code", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_what_changes_the_results_changes_the_identity(load, code, old, new):
    assert code.count(old) == 1, code
    before = text(load(code))
    assert text(load(code)) == before and " at 0x" not in before and "\n\n" not in before
    assert text(load(code.replace(old, new))) != before


def test_a_constant_of_another_module_changes_the_identity(load):
    code = activation("settings_of_slopes.LOW") + "import settings_of_slopes"
    load("LOW = 0.1\nUNUSED = 1", "settings_of_slopes")
    before = text(load(code))
    load("LOW = 0.1\nUNUSED = 2", "settings_of_slopes")
    assert text(load(code)) == before
    load("LOW = 0.2\nUNUSED = 2", "settings_of_slopes")
    assert text(load(code)) != before


SAME = {
    "a comment": ("return self.sharpen(x)", "# as in the paper\n        return self.sharpen(x)"),
    "a comment at the end of a line": ("strength = 3.0", "strength = 3.0  # weak"),
    "a docstring": ("class Sharp(Base):", 'class Sharp(Base):\n    """Sharpen.\n\n    Twice."""\n'),
    "a docstring of a helper": ("def helper(x):", 'def helper(x):\n    """Help."""'),
    "blank lines": ("    def call(", "\n\n    def call("),
    "a constant that is not used": ("SHARPNESS = 1.0", "SHARPNESS = 1.0\nOTHER = 2.0"),
    "a helper that is not used": ("SHARPNESS = 1.0", "SHARPNESS = 1.0\ndef other(): return SHARPNESS"),
    "the place in the file": ("SHARPNESS = 1.0", "\n\n\n\nSHARPNESS = 1.0"),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_what_changes_no_result_does_not_change_the_identity(load, old, new):
    code = layer()
    assert old in code
    assert text(load(code.replace(old, new, 1))) == text(load(code))


def test_a_blank_line_within_a_text_is_code(load):
    code = activation("len(TEXT)") + 'def words():\n    return """a\n\nb"""\nTEXT = words()'
    code = code.replace("len(TEXT)", "len(words())")
    assert text(load(code)) != text(load(code.replace("a\n\nb", "a\nb")))


UNDESCRIBED = """
class Hidden(layers.Layer):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor
    def call(self, x): return x * self.factor
    def get_config(self): return super().get_config()
"""
INITIALIZER = """
class Ones(keras.initializers.Initializer):
    def __init__(self, gain=1.0): self.gain = gain
    def __call__(self, shape, dtype=None): return self.gain * ops.ones(shape, dtype)
"""
REFUSED = {
    "an attribute that is not in the config": (layer(UNDESCRIBED, "Hidden(2.0)"), "Hidden.factor"),
    "an attribute set from outside": (
        layer(LAYER, "sharp", before="sharp = Sharp(); sharp.factor = 2.0; sharp.strength = 1.0"),
        "Sharp.strength",
    ),
    "an argument that the config lacks": (
        layer(UNDESCRIBED.replace("factor=1.0", "factor"), "Hidden(2.0)"),
        "Hidden",
    ),
    "a layer without config": (
        layer(
            """
            class Bare(layers.Layer):
                def __init__(self, table):
                    super().__init__()
                    self.table = table
                def call(self, x): return x
            """,
            "Bare([np.ones(1)])",
        ),
        "Bare",
    ),
    "a layer in a layer that the config lacks": (
        layer(
            """
            class Twice(layers.Layer):
                def __init__(self, filters=2, **options):
                    super().__init__(**options)
                    self.convolution = layers.Conv2D(filters, 3)
                def call(self, x): return self.convolution(x)
                def get_config(self): return super().get_config()
            """,
            "Twice(3)",
        ),
        "Twice.convolution",
    ),
    "an initializer without config": (
        source(INITIALIZER, layer="layers.Conv2D(2, 3, kernel_initializer=Ones(2.0))"),
        "Ones.gain",
    ),
    "an initializer without config or default": (
        source(INITIALIZER.replace("gain=1.0", "gain"), layer="layers.Conv2D(2, 3, kernel_initializer=Ones(2.0))"),
        "Ones",
    ),
    "a regularizer without config": (
        source(
            "class Small(keras.regularizers.Regularizer):\n    def __call__(self, x): return ops.sum(x)",
            layer="layers.Conv2D(2, 3, kernel_regularizer=Small())",
        ),
        "Small",
    ),
    "an activation that is an object": (
        source("class Act:\n    def __call__(self, x): return x", activation="Act()"),
        "Dense",
    ),
    "a normalization adapted inside": (
        source(layer="norm", before="norm = layers.Normalization(); norm.adapt(np.ones((2, 8, 8, 1)))"),
        "normalization",
    ),
    "weights set inside": (
        source(
            layer="conv",
            before="conv = layers.Conv2D(2, 3); conv.build((None, 8, 8, 1)); conv.kernel.assign(0.5 * conv.kernel)",
        ),
        "kernel",
    ),
    "a layer built outside": (
        source(layer="CONVOLUTION") + "CONVOLUTION = layers.Conv2D(2, 3)\nCONVOLUTION.build((None, 8, 8, 1))",
        "kernel",
    ),
    "a variable of an array": (
        layer(
            """
            class Table(layers.Layer):
                def build(self, shape): self.table = keras.Variable(np.ones(1))
                def call(self, x): return x * self.table
            """,
            "Table()",
        ),
        "add_weight",
    ),
    "a variable outside": (activation("STATE") + "STATE = keras.Variable(0.1)", "weights"),
    "a model outside": (
        activation("ops.mean(MODEL(ops.ones((1, 2))))")
        + "MODEL = keras.Sequential([keras.Input((2,)), layers.Dense(1)])",
        "weights",
    ),
    "a generator": (activation("RANDOM.random()") + "RANDOM = np.random.default_rng(0)", "RANDOM"),
    "an import within a function": (
        activation("low").replace("    return ops", "    from written_elsewhere import slope\n    return ops")
        + "import types, sys\nsys.modules['written_elsewhere'] = types.ModuleType('written_elsewhere')",
        "written_elsewhere",
    ),
    "a lambda": (source(activation="lambda x: x"), "lambda"),
    "a Lambda layer": (source(layer="layers.Lambda(lambda x: x)"), "Lambda"),
}


@pytest.mark.parametrize(("code", "named"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_described_is_refused_by_name(load, code, named):
    with pytest.raises(InputError, match=named):
        text(load(code))


def test_a_list_of_layers_must_not_lose_an_attribute_or_an_adapted_state(load):
    hidden = load(layer(UNDESCRIBED, "Hidden()")).Hidden(2.0)
    with pytest.raises(InputError, match=r"Hidden\.factor"):
        Experiment([hidden, keras.layers.Flatten(), keras.layers.Dense(4)])
    adapted = keras.layers.Normalization()
    adapted.adapt(np.ones((2, 8, 8, 1)))
    with pytest.raises(InputError, match="normalization"):
        Experiment([adapted, keras.layers.Flatten(), keras.layers.Dense(4)])


def test_code_that_changes_in_a_session_changes_the_identity_of_an_old_experiment(load):
    module = load(layer())
    experiments = [
        Experiment(module.network),
        Experiment([module.Sharp(), keras.layers.Flatten(), keras.layers.Dense(4)]),
    ]
    before = [one.identity(INFO) for one in experiments]
    assert [one.identity(INFO) for one in experiments] == before
    module.SHARPNESS = 0.0
    assert not {one.identity(INFO) for one in experiments} & {*before}


def test_a_file_that_changes_after_its_import_is_refused_until_it_is_loaded_again(load, tmp_path):
    module = load(layer())
    before = text(module)
    path = tmp_path / f"{module.__name__}.py"
    path.write_text(layer().replace("SHARPNESS = 1.0", "SHARPNESS = 0.25"))
    with pytest.raises(InputError, match=path.name):
        text(module)
    assert text(importlib.reload(module)) != before


def test_a_worker_trusts_the_text_of_code_whose_source_it_may_not_have(load, monkeypatch):
    experiment = Experiment(load(layer()).network)
    before = experiment.text(INFO)
    monkeypatch.setattr(inspect, "getsource", lambda thing: pytest.fail("the source is read again"))
    assert pickle.loads(pickle.dumps(experiment)).text(INFO) == before


def test_a_class_of_a_notebook_has_the_identity_of_the_same_class_in_a_file(load, monkeypatch):
    before = text(load(layer()))
    name = "<ipython-input-1>"
    code = layer() + "\n# the end\n"
    monkeypatch.setitem(linecache.cache, name, (len(code), None, code.splitlines(keepends=True), name))
    namespace = {"__name__": "__main__"}
    exec(compile(code, name, "exec"), namespace)
    assert Experiment(namespace["network"]).text(INFO) == before
    monkeypatch.delitem(linecache.cache, name)
    with pytest.raises(InputError, match="source"):
        Experiment(namespace["network"]).text(INFO)


@pytest.mark.parametrize("module", ["numpy", "keras.src.layers", "math", "json.decoder", "builtins", None])
def test_installed_code_is_a_library(module):
    assert is_library(module)


@pytest.mark.parametrize("module", ["__main__", "cnnhelpers.networks", __name__])
def test_code_is_custom_unless_it_is_installed(module):
    assert not is_library(module)


class JaxLayer:
    """With JAX every layer of Keras has a base of this name."""


class DenseWithJax(JaxLayer, keras.layers.Dense):
    pass


def test_a_base_class_of_the_backend_may_have_the_name_of_an_opaque_layer():
    assert config_of(DenseWithJax(3))["units"] == 3
    with pytest.raises(InputError, match="Lambda"):
        config_of(keras.layers.Lambda(lambda x: x))


def double(x):
    return 2 * x


def negate(x):
    return -x


class Backwards(frozenset):
    """A set in the order of another process, where functions have other addresses."""

    def __iter__(self):
        return reversed(list(super().__iter__()))


def test_functions_in_a_set_have_one_text_in_every_process():
    functions = {double, negate}
    assert value_text(functions, repr) == value_text(Backwards(functions), repr)


def test_a_container_that_holds_itself_has_a_text():
    def loop(last):
        values = [1, {"two": 2}]
        values[1]["all"] = values
        return [*values, last]

    assert value_text(loop(3), str) == value_text(loop(3), str) != value_text(loop(4), str)
