"""For all tests: what must not decide is taken out of the way."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# What hypothesis measures: machines are slow and shared.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Shells start background jobs deaf to Ctrl-C, and every program that those start; the tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
