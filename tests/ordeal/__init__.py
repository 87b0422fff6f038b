"""The recorder under power cuts, kills and faults. ``scripts/ordeal`` runs it, tests a part."""
