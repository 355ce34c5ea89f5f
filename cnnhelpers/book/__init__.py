"""The book: notebooks executed strictly, sanitized, and built into a site that is checked."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chapters.audit": [
            "answer",
            "of_profile",
            "recorded",
            "show_against_runs",
            "show_contradictions",
            "show_false_positives",
            "show_mistakes",
            "show_power",
            "show_simulated_power",
            "show_single_runs",
        ],
        "chapters.images": [
            "show_confusion",
            "show_data",
            "show_predictions",
        ],
        "chapters.models": [
            "backbone_source",
            "diagram",
            "layers",
            "networks",
            "show_signals",
            "trainable",
        ],
        "chapters.representations": [
            "measured",
            "show_attributions",
            "show_by_layer",
            "show_changes",
            "show_learned",
            "show_projection",
            "show_sanity_checks",
            "show_similarity",
            "show_similarity_to_baseline",
        ],
        "chapters.results": [
            "feature_costs",
            "show_cost",
            "show_curves",
            "show_differences",
            "show_dose_response",
            "show_effects",
            "show_other_profile",
            "show_published",
            "show_seeds",
            "show_selection",
            "show_time",
            "show_trends",
        ],
        "chapters.runs": [
            "best_runs",
            "learned",
            "learned_runs",
            "missing",
            "show_runs",
            "show_stops",
            "unofficial",
        ],
        "chapters.settings": [
            "chosen_rates",
            "ranges",
            "show_scaling",
            "show_search",
            "show_settings_map",
            "show_time_to_accuracy",
        ],
        "chapters.tables": [
            "by_verdict",
            "in_short",
            "reading",
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
    },
)
