"""Building again from what a manifest records, and telling where and why the bytes differ."""
