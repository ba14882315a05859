"""Does a rail behave? A suite of cases against a rail's HTTP endpoint, for teams that bring their own (docs/rails.md).

It speaks as the switch would, judges what comes back, and keeps every message pair. Not here: the switch's own client of
a rail (rails.remote), which takes what a rail says as it comes and must live with it.
"""
