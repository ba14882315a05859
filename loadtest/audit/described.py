"""`python -m loadtest.audit.described`: the table of all checks for docs/audit.md, written from the queries themselves."""

from loadtest.audit.queries import read_queries

# Design 9, in a few words each.
PROMISES = {
    "1": "no payment beyond the cap then in force",
    "2": "none lost, executed twice or left open; nothing after the end",
    "3": "debits equal credits; rows equal their transfers and claims",
    "6": "what is refused changes nothing",
}


def table() -> str:
    """Write the table: check, promise, what it reads, how the planted fault breaks it."""
    plants = read_queries("plants")
    lines = ["| check | promise | looks at | reads | its planted fault |", "|---|---|---|---|---|"]
    for check in read_queries("checks").values():
        what = check.said["over"].partition(" = ")[0]
        lines.append(
            f"| `{check.name}` | {check.said['promise']} | {what} | {check.said['reads']} | {plants[check.name].said['fault']} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
