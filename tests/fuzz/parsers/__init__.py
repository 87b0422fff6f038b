"""One module a parser: ``check`` breaks its promise aloud, ``seeds`` are what its writers write."""
