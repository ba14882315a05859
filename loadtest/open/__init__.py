"""The open model: calls go out at their instants whether or not the earlier ones are answered, as customers do.

Latency counts from the instant a call was to be sent, so that a switch that stalls is charged for every call it kept waiting
(no coordinated omission). `python -m loadtest.open` drives a switch by steps or searches its knee, and prints one document.
"""
