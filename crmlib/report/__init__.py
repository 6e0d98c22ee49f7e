"""The page: parameters, context, form, provenance, comparison with the last run, renderer."""
