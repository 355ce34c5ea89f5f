"""What a protocol says of optimizer, learning rate and loss, in Keras' words."""

import keras

from cnnhelpers.experiments import Protocol

STEPS_PER_CALL = 100  # batches between two returns to Python: same results, less waiting
FEW_STEPS = 500  # of a training, for which tracing a loop over batches takes longer than it saves


def compile_for(model: keras.Model, protocol: Protocol, images: int) -> None:
    """Compile a model for the training on so many images that the protocol asks for."""
    steps = -(-images // protocol.batch_size)
    total = steps * protocol.epochs
    options = {"learning_rate": learning_rate(protocol, total)}
    options |= {} if protocol.momentum is None else {"momentum": protocol.momentum}
    model.compile(
        optimizer=keras.optimizers.get({"class_name": protocol.optimizer, "config": options}),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="crossentropy")],
        steps_per_execution=1 if total < FEW_STEPS else min(STEPS_PER_CALL, steps),
        jit_compile=jit_compile(),
    )


def learning_rate(protocol: Protocol, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of a training of `steps` batches.

    "cosine" lets it fall to 0 along half a cosine (Loshchilov and Hutter, 2017). "one_cycle" first rises from a 25th of
    it over 30 % of the batches, then falls to 0 likewise (Smith and Topin, 2018).
    """
    rate, schedules = protocol.learning_rate, keras.optimizers.schedules
    if protocol.schedule == "cosine":
        return schedules.CosineDecay(rate, decay_steps=steps)
    if protocol.schedule == "one_cycle":
        rising = max(1, round(0.3 * steps))
        return schedules.CosineDecay(
            rate / 25, decay_steps=max(1, steps - rising), warmup_target=rate, warmup_steps=rising
        )
    return rate


def jit_compile() -> str | bool:
    """Return whether XLA compiles a model: where JAX computes, as Keras sees fit; on other backends it does not."""
    return "auto" if keras.backend.backend() == "jax" else False
