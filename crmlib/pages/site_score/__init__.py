"""Site score: candidates ranked without a model."""
