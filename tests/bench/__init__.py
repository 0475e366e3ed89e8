"""Figures of the lab beside those of a plain JupyterHub, in one run: `make bench`."""
