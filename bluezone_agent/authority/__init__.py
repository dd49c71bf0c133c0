"""What a health authority does: publish the keys of cases as signed files."""
