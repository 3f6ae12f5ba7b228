#!/usr/bin/env bash
# Installs Comunica, exactly as package-lock.json pins it, into FOLDER; does nothing where that has been done.
# Usage: install.sh FOLDER
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
folder="$1"
wanted="$(cat "$here/package.json" "$here/package-lock.json" | sha256sum)"
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$here/query.mjs" "$folder/"
if [ "$(cat "$folder/.installed" 2>/dev/null || true)" != "$wanted" ]; then
  (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
  echo "$wanted" > "$folder/.installed"
fi
