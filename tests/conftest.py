"""How much hypothesis tries: HYPOTHESIS_PROFILE=long for a night, "ci" otherwise."""

import os

from hypothesis import settings

settings.register_profile(
    "ci", deadline=None, max_examples=150, derandomize=os.environ.get("CI") == "true"
)
settings.register_profile("long", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
