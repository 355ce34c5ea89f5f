"""execution."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "process_pool": [
            "Children",
        ],
        "progress": [
            "duration",
        ],
        "recorded_runs": [
            "check_seeds",
            "missing",
            "recorded",
        ],
        "runner": [
            "run",
        ],
        "schedule": [
            "Run",
            "plan",
        ],
        "trained_models": [
            "trained",
        ],
        "tuning": [
            "CHOOSING",
            "best_of_grid",
            "beyond_the_grid",
            "learned",
            "search",
            "settings_map",
        ],
        "worker_process": [
            "THREADS",
        ],
    },
)
