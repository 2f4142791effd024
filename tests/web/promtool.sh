#!/usr/bin/env bash
# What README.md and deploy/ show as a web configuration is one for promtool too, and for fencewatch.
set -euo pipefail
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tmp/node.key" -out "$tmp/node.pem" -subj /CN=node 2>/dev/null
cp "$tmp/node.pem" "$tmp/clients.pem"

# The example of README.md: the indented lines from tls_server_config: on.
sed -n '/^    tls_server_config:/,/^[^ ]/s/^    //p' README.md >"$tmp/web.yml"
grep -q basic_auth_users "$tmp/web.yml" || { echo "FAIL README.md has no example"; exit 1; }
for file in "$tmp/web.yml" tests/fixtures/web/*.yml; do
  cp "$file" "$tmp/checked.yml"
  grep -v -E '^rate_limit:|^  (interval|burst|client_allowed_sans):' "$tmp/checked.yml" >"$tmp/old.yml" # what promtool 2.42 does not know yet
  promtool check web-config "$tmp/old.yml"
  build/release/fencewatch --check-config --web.config.file="$tmp/checked.yml"
  echo "ok $(basename "$file")"
done
