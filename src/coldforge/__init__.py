"""coldforge: from an application's source to signed, attested, reproducible installers that anybody can check."""

__version__ = "0.1.0"
