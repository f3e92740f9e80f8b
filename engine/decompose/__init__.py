"""What a target lacks, made from what it has. Three points of a kernel's way act:

functions (before loops are optimised), storage (how dtypes lie in memory, before threads), and
arithmetic (after vectors and copies exist): first what operations mean, then floats, 64-bit
integers and small ones as words, and last the machine operations that are missing. Every expansion
is total: whatever its operands, the machine operations it makes have their preconditions fulfilled.
"""
