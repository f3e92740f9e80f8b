"""Functions of floats measured on all operands of a dtype, or on a sample of them.

* `operands`, `powers`: which operands there are, in parts that are measured on their own;
* `subjects`: what computes: a device of the engine, or a library beside it;
* `measure`: one part, judged;
* `progress`: finished parts in a file, so that a sweep goes on where it was interrupted;
* `session`: the command: parts on all cores, totals, exit code;
* `table`: the page on accuracy and the file of records behind it.
"""
