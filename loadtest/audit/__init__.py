"""The auditor of a sandbox on PostgreSQL: its own SQL over what is stored, against the promises of design 9.

It imports nothing of the switch and writes nothing that stays. `python -m loadtest.audit --database-url URL`.
"""
