"""The slow, obvious meaning of the IR, at the tensor level and at the linear level."""
