"""Hosts: environments that were there before, belong to somebody else, and must not be hurt.

A notebook host, a vendor's container, the system's Python. What such an environment holds is read without importing
anything of it; what is added goes in as one change that can be taken back as a whole.
"""
