"""How LiveSupport's clients call it: their wire, with its quirks."""
