"""What the same work costs with pip, uv and lockhouse: measured in one run, alternating, on the machine at hand.

``python -m benchmarks`` does it; ``docs/benchmarks.md`` says what was found. It is no part of what is installed.
"""
