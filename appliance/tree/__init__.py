"""The mirrors around us."""
