"""The benchmark: one run that measures the switch beside yardsticks on the same PostgreSQL, and has the books audited.

Durable (fsync on), rails with their real books, only payments with a final status count. It measures and reports; what is to
be reached stands in the README. One module a row or family of rows; `runner` plays them in rounds.
"""
