"""CNN design studies: several seeds, intervals instead of single numbers, each run recorded once.

In short::

    experiments = [Experiment(network, Protocol(dataset="digits", epochs=5), id="plain"), ...]
    runs = run(experiments, seeds=5)
    compare(runs, "plain", "dropout")
    verdict(Claim("dropout helps", claims.better("dropout", "plain")), runs)
    power(effect=0.005, sd=0.006, n=10)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "audit",
        "chapters",
        "claims",
        "comparisons",
        "data",
        "figures",
        "models",
        "networks",
        "notebooks",
        "predictions",
        "records",
        "statistics",
        "studies",
        "summaries",
    ],
    submod_attrs={
        "claims": ["Claim", "verdict"],
        "comparisons": ["compare", "compare_all", "in_points", "summary"],
        "data": ["Dataset", "load"],
        "errors": ["InputError"],
        "experiment": ["Experiment", "Protocol"],
        "planning": ["power"],
        "records": ["histories"],
        "runner": ["run"],
    },
)
