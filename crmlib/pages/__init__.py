"""A room per report: parameters, study, findings, charts, words. Rooms never import one another.

The anatomy of ``pages/<report>/``, the same in every room:

``parameters.py``
    What the report can be asked: a pydantic model.
``study.py``
    ``class Study(report.Study)``: the steps from tables to results, one `functools.cached_property` each, in the order
    of the page, typed, with a line that says shape and units. Tables that may be missing are handled here once
    (``page.optional``), chance and memory too (``page.rng``, ``page.remember``, ``page.state``; ``study.keep()`` keeps
    what the next run needs). It computes nothing itself: panels and questions do. An analyst goes on from
    ``study.<tab>``.
``findings/__init__.py``
    The page's table of contents: one function per card, ``(study) -> Finding | ActionList | …``, marked
    ``@section(words, key=…, needs=…)``. It passes steps to a worded function and decides nothing. What cannot be made
    (a table not connected, a model that refuses) is a finding in its place that says what to do. ``answer`` is marked
    ``@answered(needs…)``: where the first sentence cannot be said, it says what is missing, and the page comes all the
    same.
``findings/<part>.py``
    The worded functions: results in, `Finding.worded` out, with a rule that chooses the headline from the data. They
    take explicit arguments, so a test can flip the data. (One ``findings.py`` where all of it is short.)
``charts.py``, ``tables.py``
    Only what no other page draws or sets; the rest is `crmlib.kit`.
``zh.toml``, ``en.toml``
    The room's own words: ``<section>.title`` (what a section is called where it is missing), ``.headline.<kind>``,
    ``.seen``, ``.sure``, ``.do``. Keys begin with the room's name.

Two rooms of one question meet in ``pages/shared/``: who is a member (`shared.members`), shared wording, checks; their
common words stand in ``kit/words/<language>/<question>.toml``. The notebook opens the page, makes the study and shows
one section per cell; it has no logic of its own.
"""
