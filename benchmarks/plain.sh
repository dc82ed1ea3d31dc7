#!/bin/bash
# What one writes by hand today: an environment, a tree, a one-file program, an archive, a package, checksums.
# usage: plain.sh PROJECT OUT NAME ENTRY_MODULE ENTRY_FUNCTION   (uv, nfpm and python on PATH)
set -euo pipefail
project=$1 out=$2 name=$3 module=$4 function=$5
rm -rf "$out" && mkdir -p "$out"
uv venv -q --python "$PYTHON" "$out/venv"
uv pip install -q --python "$out/venv/bin/python" --require-hashes -r "$project/requirements.txt"
uv pip install -q --python "$out/venv/bin/python" --no-deps "$project"
uv pip install -q --python "$out/venv/bin/python" --require-hashes -r "$FREEZER_LOCK"
printf 'import sys\nfrom %s import %s\nsys.exit(%s())\n' "$module" "$function" "$function" > "$out/start_$name.py" # not "$name.py": that would hide a package of this name
collect=(--copy-metadata "$name" --collect-data "${module%%.*}" --noconfirm --clean --log-level ERROR)
for mode in onedir onefile; do
  PYINSTALLER_CONFIG_DIR="$out/config" "$out/venv/bin/pyinstaller" "--$mode" "${collect[@]}" \
    --name "$name" --specpath "$out" --workpath "$out/work-$mode" --distpath "$out/$mode" "$out/start_$name.py"
done
"$out/onedir/$name/$name" --help > /dev/null
tar -C "$out/onedir" -czf "$out/$name.tar.gz" "$name"
cat > "$out/nfpm.yaml" <<YAML
name: $name
arch: amd64
version: 1.0.0
maintainer: Somebody <somebody@example.org>
description: $name
contents:
  - { src: $out/onedir/$name, dst: /usr/lib/$name, type: tree }
  - { src: ../lib/$name/$name, dst: /usr/bin/$name, type: symlink }
deb: { compression: zstd }
YAML
nfpm package --config "$out/nfpm.yaml" --packager deb --target "$out/$name.deb" > /dev/null
(cd "$out" && sha256sum "$name.tar.gz" "$name.deb" "onefile/$name" > SHA256SUMS)
