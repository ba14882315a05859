"""Named queries of the bench: the `-- name:` sections of yardsticks.sql. No connection."""

from importlib.resources import files


def named_queries() -> dict[str, str]:
    """Read the queries by name."""
    text = (files(__package__) / "yardsticks.sql").read_text("utf-8")
    sections = [section.partition("\n") for section in text.split("-- name:")[1:]]
    return {name.strip(): query.strip() for name, _, query in sections}
