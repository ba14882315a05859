"""`python -m rails.messages.dialects` prints the generated part of docs/dialects.md."""

from rails.messages.dialects.tables import generated

print(generated())
