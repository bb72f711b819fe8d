"""Likeness: a photo becomes a detailed, animatable head."""
