"""Dialects at the rails' edge, as far as they are public: HK FPS, CNAPS2 (IBPS, BEPS, HVPS) and CIPS (docs/dialects.md).

Each turns a leg and what a rail says of it into that rail's bytes and back. Not here: sending, and what anything means.
"""
