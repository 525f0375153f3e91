"""Reading what a stock mirror was configured with, and saying the same in our variables. Nothing is ever executed."""
