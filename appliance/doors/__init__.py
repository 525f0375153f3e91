"""How a request comes in."""
