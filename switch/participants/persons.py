"""Persons without names: keyed pseudonyms of documents and accounts, and the documents known to belong to one person.

The key belongs to the sandbox; without it a pseudonym says nothing. Linking two documents adds their usage.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple


class Persons(NamedTuple):
    """The sandbox's pseudonym key and the links: pseudonym of a document -> person_id."""

    key: bytes
    links: Mapping[str, str]

    def pseudonym(self, kind: str, country: str, number: str) -> str:
        """Return the keyed pseudonym (24 hex digits) of a document or account."""
        return blake2b(f"{kind}|{country}|{number}".encode(), digest_size=12, key=self.key).hexdigest()

    def person_id(self, kind: str, country: str, number: str) -> str:
        """Return the person a document belongs to: the one it is linked to, else one of its own."""
        pseudonym = self.pseudonym(kind, country, number)
        return self.links.get(pseudonym, pseudonym)
