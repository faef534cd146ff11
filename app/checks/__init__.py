"""What may be wrong in the settings and in aomi.yaml: each problem with its place and what would be right."""
