"""doctor: looks at machine, tool, plugins, caches, environment, lock and published manifest, and changes nothing.

Every part is looked at even where another one is broken: whoever asks a doctor has a reason to.
"""
