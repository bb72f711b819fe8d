"""From a seed or parameters to a clothed body, and how it moves."""
