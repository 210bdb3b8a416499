#!/bin/sh
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# One step of a pipeline that deploys an app with this collection. GitHub's workflow, GitLab's jobs and a person at a
# shell, who stands in the app's repository, call the same steps:
#
#   pipeline.sh build       make the artifact, its checksum and its provenance; reaches no host
#   pipeline.sh check       answer the checklist; touches nothing that is live
#   pipeline.sh deploy      deploy it: proved on every host, or taken back on every host
#   pipeline.sh undo        after a deploy that failed or was cut short: go to where each host was before
#   pipeline.sh smoke       ask from here what users ask; alerts, and never rolls back
#   pipeline.sh rollback    to the last good release, or to BLUEGREEN_RELEASE
#   pipeline.sh status      what is live
#
# What they need comes by the environment. All but the first may be left out.
#
#   BLUEGREEN_INVENTORY     the inventory of one environment, such as deploy/production.yml
#   BLUEGREEN_OUTPUT        where the artifact lies between two jobs (artifact)
#   BLUEGREEN_STORY         directory for what each step tells as JSON
#   DEPLOY_SSH_KEY          the private key of the deploy user: its text, or the name of a file
#   DEPLOY_KNOWN_HOSTS      the keys of the hosts, as ssh-keyscan prints them: text, or the name of a file
#   DEPLOY_VAULT_PASSWORD   of ansible-vault: text, or the name of a file
#   BLUEGREEN_ALERT_WEBHOOK where smoke sends its alert
#
# It ends with the exit code of ansible-playbook: 0 all is well, 2 a host refused or failed.
set -eu
umask 077

main() {
    output=${BLUEGREEN_OUTPUT:-artifact}
    begun=$output/begun
    artifact="bluegreen_artifact=$output/artifact.tar.gz bluegreen_provenance=$output/provenance.json bluegreen_source="
    case ${1:-} in
        build) play build -e "bluegreen_output=$output" ;;
        check) play check -e "$artifact" ;;
        deploy)
            touch "$begun"
            play deploy -e "$artifact"
            ;;
        undo)
            if [ ! -e "$begun" ]; then
                echo "No deploy was begun here, so that there is nothing to undo."
                return 0
            fi
            play rollback -e "bluegreen_before=$(release)"
            ;;
        smoke) play smoke -e "bluegreen_release=$(release)" ;;
        rollback) play rollback -e "bluegreen_release=${BLUEGREEN_RELEASE:-}" ;;
        status) play status ;;
        *)
            sed -n 's/^#   \(pipeline.sh .*\)/\1/p' "$0" >&2
            return 64
            ;;
    esac
}

# By the Ansible that install.sh has put beside the collection that this script belongs to, else by the one on the path.
# Python is named instead of the program, whose first line is wrong where a cache has moved it.
play() {
    prepare
    playbook=nodeops.pm2.$1
    shift
    if [ -x "$beside/bin/python" ]; then
        "$beside/bin/python" -m ansible playbook --inventory "$BLUEGREEN_INVENTORY" "$playbook" "$@"
    else
        ansible-playbook --inventory "$BLUEGREEN_INVENTORY" "$playbook" "$@"
    fi
}

prepare() {
    : "${BLUEGREEN_INVENTORY:?names the inventory of one environment, such as deploy/production.yml}"
    collections=$(cd "$(dirname "$0")/../../../.." && pwd)
    beside=$(dirname "$collections")
    export ANSIBLE_COLLECTIONS_PATH="$collections"
    export ANSIBLE_STDOUT_CALLBACK=nodeops.pm2.phases
    if [ -n "${BLUEGREEN_STORY:-}" ]; then
        mkdir -p "$BLUEGREEN_STORY"
        export NODEOPS_PHASES_JSON="$BLUEGREEN_STORY/$step.json"
    fi
    private=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/pipeline.XXXXXX")
    trap 'rm -rf "$private"' EXIT
    if [ -n "${DEPLOY_SSH_KEY:-}" ]; then
        text_of "$DEPLOY_SSH_KEY" >"$private/key"
        export ANSIBLE_PRIVATE_KEY_FILE="$private/key"
    fi
    if [ -n "${DEPLOY_KNOWN_HOSTS:-}" ]; then
        text_of "$DEPLOY_KNOWN_HOSTS" >"$private/known_hosts"
        export ANSIBLE_SSH_COMMON_ARGS="-o UserKnownHostsFile=$private/known_hosts -o StrictHostKeyChecking=yes"
    fi
    if [ -n "${DEPLOY_VAULT_PASSWORD:-}" ]; then
        text_of "$DEPLOY_VAULT_PASSWORD" >"$private/vault"
        export ANSIBLE_VAULT_PASSWORD_FILE="$private/vault"
    fi
    # Nothing that is run from here on, a build or a hook, finds them in its environment.
    unset DEPLOY_SSH_KEY DEPLOY_KNOWN_HOSTS DEPLOY_VAULT_PASSWORD
}

text_of() {
    if [ -f "$1" ]; then
        cat "$1"
    else
        printf '%s\n' "$1"
    fi
}

# The release that was built, by its provenance.
release() {
    python3 -c '
import json, sys
statement = json.load(open(sys.argv[1], encoding="utf-8"))
print(statement["predicate"]["buildDefinition"]["externalParameters"]["release"])
' "$output/provenance.json"
}

step=${1:-}
main "$@"
