"""Identifiers of persons, firms and phones: what a number must look like, and its one normal form.

Not here: whether the number exists or belongs to the person named. All checks are pure; nothing is looked up but the
tables that python-stdnum and phonenumbers carry.
"""

from rails.identifiers.documents import check, normalize

__all__ = ["check", "normalize"]
