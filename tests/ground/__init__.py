"""What `make demo` and `make test` stand on: an engine, a base image, our images and a virtual environment.

Standard library only: it runs before anything is installed. Every step looks first and acts only where something is
missing, so it may be killed anywhere and started again.
"""
