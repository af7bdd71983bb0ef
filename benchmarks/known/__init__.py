"""Documents that were read before: what they save, what a store of them stands, what its smaller setting loses."""
