"""ISO 20022 messages at the door, a desk for each family: the one place of the API that knows messages."""
