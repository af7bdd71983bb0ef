"""The compiled kernels by themselves: their bits on processors that are not here, their speed, their faults."""
