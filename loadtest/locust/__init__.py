"""Locust users and shapes over a traffic file: a closed model, in which each user waits for its answer before it sends again."""
