"""The auditor of a sandbox on PostgreSQL: its own SQL over what is stored, against the promises of design 9.

It imports nothing of the switch and writes nothing that stays. `python -m loadtest.audit --database-url URL`. Beside it stand what
shows that it can fail (plant, in a copy) and what makes a sandbox large enough to time it (grown, which alone writes).
"""
