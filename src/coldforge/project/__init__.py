"""What a user wrote: the configuration, the product's metadata, the source it is built from."""
