"""The book: notebooks executed strictly, sanitized, and built into a site that is checked."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chapters": [
            "class_counts",
            "data_facts",
            "data_source",
            "diagram",
            "gallery",
            "layers",
            "missing",
            "networks",
            "provenance",
            "samples",
            "sizes",
            "timed_elsewhere",
            "unofficial",
        ],
        "notebooks": [
            "execute",
        ],
        "parameters": [
            "inspect",
        ],
        "site": [
            "build",
        ],
        "tables": [
            "against_runs",
            "by_verdict",
            "contradictions",
            "in_short",
            "lacking",
            "mistakes",
            "opposite_answers",
            "reading",
            "side_by_side",
            "single_runs",
        ],
    },
)
