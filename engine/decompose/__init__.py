"""What a target lacks, made from what it has. Three points of a kernel's way act:

functions (before loops are optimised), storage (how dtypes lie in memory, before threads), and
arithmetic (after vectors and copies exist). Every expansion is total: whatever its operands, the
machine operations it makes have their preconditions fulfilled.
"""
