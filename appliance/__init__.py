"""The push-mirror appliance. Kept empty: the forced command imports it on every trigger."""

__version__ = "0.1.0"
