"""What docs/performance.md says, measured. Each module has ``main()`` and prints what it saw."""
