"""The health authority's side: publishing the keys of cases as signed files."""
