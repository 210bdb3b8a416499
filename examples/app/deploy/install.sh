#!/bin/sh
# Puts Ansible and the collection, as requirements.txt and requirements.yml beside this file name them, into a directory:
# install.sh DIRECTORY. What is there already, from a cache, is kept while neither of them has changed.
set -eu
here=$(dirname "$0")
wanted=$(cat "$here/requirements.txt" "$here/requirements.yml" | sha256sum)
if [ "$(cat "$1/installed" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi
rm -rf "$1"
python3 -m venv "$1"
"$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
"$1/bin/ansible-galaxy" collection install --requirements-file "$here/requirements.yml" --collections-path "$1/collections"
echo '*' >"$1/.gitignore"
echo "$wanted" >"$1/installed"
