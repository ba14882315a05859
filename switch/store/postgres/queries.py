"""The named queries of the store: `queries("payments")` are those of payments.sql beside this module."""

from functools import partial

from switch import queries as named

queries = partial(named.queries, __package__)
