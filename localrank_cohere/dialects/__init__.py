"""What differs between services, as data: a row a dialect, its options, addresses, keys and prices."""
