# The programs of other projects that make formats, for every target: `toolbox: toolbox` in matrix.yml.
# What it installs is pinned by the archive's own snapshot of that day.
ARG BASE
FROM ${BASE}
RUN echo 'deb [check-valid-until=no] http://snapshot.debian.org/archive/debian/20260801T000000Z bookworm main' > /etc/apt/sources.list \
 && rm -f /etc/apt/sources.list.d/* \
 && apt-get update \
 && apt-get install --yes --no-install-recommends flatpak msitools nsis squashfs-tools wixl zsync \
 && rm -rf /var/lib/apt/lists/*
