"""What requirements would do to a host, before anything is done to it: judged by their wheels, or proven by trials.

Both work on a bench, a project of their own in the user's cache. Nothing of the host is written.
"""
