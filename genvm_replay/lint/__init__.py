"""Finds the mistakes that authors of Python contracts make most, by reading the source: nothing is run.

`source.lint` gives the findings. What is not certain is not reported: a finding should be worth reading.
"""
