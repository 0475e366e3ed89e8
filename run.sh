#!/usr/bin/env bash
# Quick start: prepares .venv, then runs one playbook. Everything else is the playbooks' work.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

SYSTEM_CA=/etc/ssl/certs/ca-certificates.crt

usage() {
  cat <<'TEXT'
./run.sh                       bring the lab up on this machine, and prove it
./run.sh site --check --diff   show what that would change, change nothing
./run.sh verify                prove the running lab by using it
./run.sh doctor                what is wrong on every server, since when, what to type; changes nothing
./run.sh users                 keep accounts as hub_stack_users in the inventory has them
./run.sh bundle -e lab_bundle=DIRECTORY   save packages and images for servers without a way out
./run.sh drain                 stop users' servers, and let none start until ./run.sh undrain
./run.sh down                  stop the lab and its users' servers; every file stays
./run.sh PLAYBOOK [OPTIONS]    run playbooks/PLAYBOOK.yml with ansible-playbook's OPTIONS
./run.sh site -i inventories/mine    ... on other servers
./run.sh --help                this text

Playbooks: site, server, hub, verify, doctor, users, bundle, drain, undrain, down. It sets up .venv by itself.
TEXT
}

say() { printf 'run.sh: %s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# A Python that runs (some `python3.x` on PATH are shims of nothing) and can make a venv.
find_python() {
  local python
  for python in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    "$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null &&
      { echo "$python"; return; }
  done
  return 1
}

install_python() {
  say "no Python 3.11 or newer with venv here: installing the distribution's"
  as_root apt-get update -q
  local package
  for package in python3-venv python3.12-venv python3.11-venv; do
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy "$package" && find_python && return
  done
  say "Ansible needs Python 3.11 or newer. Install one with its venv module, then run this again."
  return 1
}

# The stamp names the requirements it was made from, and is written last: an interrupted .venv is made again.
make_venv() {
  local stamp=.venv/.stamp-run want
  want=$(sha256sum requirements.txt)
  if [ "$(cat $stamp 2>/dev/null)" != "$want" ]; then
    say "preparing .venv (about a minute, once)"
    local python
    python=$(find_python) || python=$(install_python | tail -n 1)
    [ -n "$python" ] || exit 1
    # Older pips trust only the CAs that they ship; this server may have one more, such as a campus proxy's.
    [ -n "${PIP_CERT-}" ] || [ ! -r $SYSTEM_CA ] || export PIP_CERT=$SYSTEM_CA
    if ! { [ -x .venv/bin/pip ] && .venv/bin/python -c '' 2>/dev/null; }; then "$python" -m venv --clear .venv; fi
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
    echo "$want" >$stamp
  fi
  mkdir -p .ansible/collections/ansible_collections/gpulab
  ln -sfn ../../../.. .ansible/collections/ansible_collections/gpulab/jupyterhub
}

main() {
  case "${1-}" in -h | --help) usage; return ;; esac
  local name=${1-site}
  [ $# -eq 0 ] || shift
  if [ "$name" != venv ] && [ ! -f "playbooks/$name.yml" ]; then
    say "there is no playbook '$name'."
    usage >&2
    return 2
  fi
  # Held by this process and, after the exec, by ansible-playbook; Python closes it in whatever that starts.
  # What it has forked to run a task holds it too, and ends a moment after a run that was interrupted.
  exec 9>>.run.lock
  if ! flock --wait 10 9; then
    say "another ./run.sh is at work in this directory (process $(tail -n 1 .run.lock)); wait for it, then run this again."
    return 1
  fi
  echo $$ >.run.lock
  make_venv
  [ "$name" != venv ] || return 0
  exec .venv/bin/ansible-playbook "playbooks/$name.yml" "$@"
}

main "$@"
