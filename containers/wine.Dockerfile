# Wine, by which Windows' own Python freezes on Linux; and Debian's Python, which builds the project's wheel before.
# What it installs is pinned by the archive's own snapshot of that day.
ARG BASE
FROM ${BASE}
RUN echo 'deb [check-valid-until=no] http://snapshot.debian.org/archive/debian/20260801T000000Z trixie main' > /etc/apt/sources.list \
 && rm -f /etc/apt/sources.list.d/* \
 && apt-get update \
 && apt-get install --yes --no-install-recommends python3 wine64 \
 && rm -rf /var/lib/apt/lists/*
