"""CNN design studies: several seeds, intervals instead of single numbers, each run recorded once.

In short::

    experiments = [Experiment(network, Protocol(dataset="digits", epochs=5), id="plain"), ...]
    runs = run(experiments, seeds=5)
    compare(runs, "plain", "dropout")
    verdict(runs, Claim("dropout helps", claims.better("dropout", "plain")))
    power(effect=0.005, sd=0.006, n=10)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        *("analysis", "book", "claims", "data", "execution", "experiments", "interpretability"),
        *("networks", "plotting", "predictions", "records", "reports", "statistics", "training"),
    ],
    submod_attrs={
        "analysis.comparisons": ["compare", "compare_all", "in_points", "summary"],
        "claims.claim": ["Claim"],
        "claims.results": ["verdict", "verdicts"],
        "data.datasets": ["Dataset", "load"],
        "errors": ["InputError"],
        "execution.runner": ["run"],
        "experiments.experiment": ["Experiment", "Protocol"],
        "records.record": ["histories"],
        "statistics.planning": ["power"],
    },
)
