"""Settings for the tests of the journal."""

from hypothesis import settings

# A deadline for each example makes tests fail on a busy machine, and says nothing about the code.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")
