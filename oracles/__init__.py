"""Independent oracles: what the answer is, and which bits may be given for it.

Nothing here imports the engine or the harness; agreement between the two sides means something
only because neither has read the other.  ``README.md`` in this folder maps the modules.
"""
