"""What is left in the battery: gauges, and what follows from their readings (Art. 13).

Imported by checks/ and the supervisor. A gauge that does not answer is told; it never blocks.
"""
