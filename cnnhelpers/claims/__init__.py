"""Claims: sentences about experiments, the questions that test them, and the verdicts that runs give."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "claim": [
            "Claim",
            "Question",
            "above",
            "at_least",
            "below",
            "best",
            "better",
            "does_not_overfit",
            "equal",
            "fails_to_learn",
            "lower",
            "overfits",
            "rises",
        ],
        "evidence": ["Evidence", "in_words"],
        "results": ["ClaimResult", "as_text", "shared_conditions", "verdict", "verdicts"],
    },
)
