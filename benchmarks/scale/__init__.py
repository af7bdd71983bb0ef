"""How many machines a load takes: simulated from what was measured here, and the simulation checked against Ray."""
