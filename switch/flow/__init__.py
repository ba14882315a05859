"""The life of a payment: batches decided, stored, sent over rails and brought to their end; pure of stores, which are ports."""
