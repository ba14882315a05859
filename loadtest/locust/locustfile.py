"""What Locust loads. `python -m loadtest.locust` starts Locust with it and hands over what was asked for in the environment."""

import os
import sys

from loadtest.locust.load import CANNOT, GIVEN, Given
from loadtest.locust.part import Part
from loadtest.traffic import TrafficError

if GIVEN in os.environ:
    _part = Part(Given.read(os.environ[GIVEN]))
    _part.listen()
    try:
        _offered = _part.offered()
    except (TrafficError, OSError) as error:  # a file without users is taken for a test of pytest's, and fails as one
        print(error, file=sys.stderr)
        raise SystemExit(CANNOT) from None
    # Locust takes every class of users, and the shape, that it finds under a name of this module.
    globals().update(_offered)
