#!/usr/bin/env bash
# Installs from npm exactly what SOURCE/package-lock.json pins into FOLDER, with SOURCE's scripts beside it; does nothing
# where that has been done.  Usage: install_npm.sh SOURCE FOLDER
set -euo pipefail
source="$1"
folder="$2"
wanted="$(cat "$source/package.json" "$source/package-lock.json" | sha256sum)"
mkdir -p "$folder"
exec 9> "$folder/.lock"
flock 9  # npm removes what another of its kind has just installed
find "$source" -maxdepth 1 -type f -exec cp {} "$folder/" \;
if [ "$(cat "$folder/.installed" 2>/dev/null || true)" != "$wanted" ]; then
  (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
  echo "$wanted" > "$folder/.installed"
fi
