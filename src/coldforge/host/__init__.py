"""The machine coldforge runs on: processes, containers, files, the clock, the cache, secrets."""
