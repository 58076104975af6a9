#!/bin/sh
# Installs the programs of others that peer tests talk to, below .peers/ (needs Node.js and npm).
set -eu
cd "$(dirname "$0")/../.."
mkdir -p .peers
exec npm install --no-save --no-package-lock --no-audit --no-fund --silent --prefix .peers \
    @copilotkit/aimock@1.43.0 axe-core@4.14.1 emulate@0.12.2 node@24.9.0 standardwebhooks@1.1.1
