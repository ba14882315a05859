"""What Locust loads. `python -m loadtest.locust` starts Locust with it and hands over what was asked for in the environment."""

import os

from loadtest.locust.load import GIVEN, Given
from loadtest.locust.part import Part

if GIVEN in os.environ:
    _part = Part(Given.read(os.environ[GIVEN]))
    _part.listen()
    # Locust takes every class of users, and the shape, that it finds under a name of this module.
    globals().update(_part.offered())
