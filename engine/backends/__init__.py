"""Devices: rendering, compiling, memory, launching. Nothing above asks which device it is."""
