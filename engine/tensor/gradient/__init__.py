"""Gradients in reverse mode, made of nodes: nodes are pure, so the graph is the tape.

`tracking` marks what gradients need, `rules` is the one table of an operation's gradients, `walk`
goes over the graph, and `methods` is what users call.
"""
