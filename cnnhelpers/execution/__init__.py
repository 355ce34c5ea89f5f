"""Run studies: load recorded runs, train missing ones in worker processes of this machine or of a dask cluster."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "process_pool": ["WorkerPool"],
        "runner": ["run"],
        "schedule": ["PlannedRun", "plan"],
        "trained_models": ["trained"],
        "tuning": ["CHOOSING", "best_of_grid", "beyond_the_grid", "learning_threshold", "search", "settings_map"],
        "worker_process": ["THREADS"],
    },
)
