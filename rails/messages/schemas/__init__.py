"""Our profile schemas, hand-written (W3C XML Schema 1.0): what a participant may send and what the switch answers."""
