"""Plan, run, judge, record: see ``README.md`` in this folder for the modules in order."""
