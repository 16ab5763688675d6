#!/bin/sh
# The units of deploy/systemd under a real systemd, in a container of the devnet image (images.sh):
#
#   sh tests/containers/systemd.sh       as root, with podman; ten minutes
#
# A node and a verifier start, work on a task, come back after SIGKILL and after a hang (the watchdog), stop when told to,
# and stay down after a mistake in their settings; an environment's process has no network. It stops at the first that
# does not happen. The container needs --privileged, as systemd does.
set -eu
cd "$(dirname "$0")/../.."
name=cupel-systemd
folder=/var/lib/cupel

podman build --isolation=chroot --network host --quiet --tag localhost/$name --file - deploy/systemd <<'END'
FROM localhost/cupel-devnet
USER root
RUN apt-get update && apt-get install -y --no-install-recommends systemd systemd-sysv dbus && rm -rf /var/lib/apt/lists/*
RUN usermod --home /var/lib/cupel cupel && install -d -o cupel -g cupel /var/lib/cupel && chown cupel /net
COPY *.service /etc/systemd/system/
ENTRYPOINT ["/sbin/init"]
CMD []
END
podman rm --force $name >/dev/null 2>&1 || true
podman run --detach --name $name --systemd=always --privileged --network none localhost/$name
trap 'podman rm --force $name >/dev/null' EXIT

inside() { podman exec $name sh -euc "$1"; }
until_seen() { # what, seconds, command
    began=$(date +%s)
    until inside "$3" >/dev/null 2>&1; do
        [ $(($(date +%s) - began)) -lt "$2" ] || { echo "not seen within $2 s: $1"; inside "journalctl --no-pager -n 30"; exit 1; }
        sleep 1
    done
    echo "seen after $(($(date +%s) - began)) s: $1"
}
said() { echo "journalctl -u $1 -o cat --no-pager | grep -q '$2'"; }
cupel() { # unit, folder, arguments
    inside "systemd-run --quiet --unit=$1 --uid=cupel --gid=cupel --working-directory=$2 /opt/cupel/bin/cupel $3"
}

until_seen "systemd runs" 60 "systemctl is-system-running --quiet"
# What the machine forbids to raise is left as it is.
inside 'most=$(ulimit -Hn); [ "$most" -ge 65536 ] || for unit in cupel-node@ cupel-verifier@; do
    mkdir -p /etc/systemd/system/$unit.service.d
    printf "[Service]\nLimitNOFILE=$most\n" >/etc/systemd/system/$unit.service.d/limit.conf
done; systemctl daemon-reload'
cupel chain /source "devnet up --wallets 4 --dir /net/files"
until_seen "a chain" 120 "test -f /net/files/wallet-4.json"
cupel plan /net "task new task.toml"
until_seen "a plan" 60 "test -f /net/task.toml"
inside "sed -i 's/^round_seconds = 300/round_seconds = 60/; s/^commit_seconds = 240/commit_seconds = 45/' /net/task.toml"
cupel genesis /net "task genesis --plan task.toml --out genesis.safetensors"
until_seen "a model" 120 "test -f /net/genesis.safetensors"
cupel creator /net "task run --plan task.toml --genesis genesis.safetensors --start-in 90 --data-dir creator --json \
    --deployment files/deployment.json --keystore files/wallet-1.json --password-file files/wallet-1.password"
until_seen "a task" 120 "$(said creator '"event":"task"')"

number=2
for role in node verifier; do
    inside "setpriv --reuid cupel --regid cupel --clear-groups env HOME=$folder /opt/cupel/bin/cupel init $role \
        $folder/one-$role --rpc-url http://127.0.0.1:8545 --deployment /net/files/deployment.json
        install -o cupel -m 600 /net/files/wallet-$number.json $folder/one-$role/key.json
        install -o cupel -m 600 /net/files/wallet-$number.password $folder/one-$role/key.password
        timeout 120 systemctl start cupel-$role@one-$role"
    echo "seen: the $role is ready, so systemctl came back"
    number=$((number + 1))
done
node=cupel-node@one-node
verifier=cupel-verifier@one-verifier
until_seen "the node commits" 300 "$(said $node '"event":"committed"')"
until_seen "the verifier passes it" 120 "$(said $verifier '"passed":true')"

inside "kill -KILL \$(systemctl show -p MainPID --value $node)"
until_seen "it is back after SIGKILL" 60 "[ \$(systemctl show -p NRestarts --value $node) = 1 ] && systemctl is-active $node"
inside "kill -STOP \$(systemctl show -p MainPID --value $node)"
until_seen "it is back after a hang" 240 "[ \$(systemctl show -p NRestarts --value $node) = 2 ] && systemctl is-active $node"
restarted=$(podman exec $name date +%s)
until_seen "it commits again" 180 "journalctl -u $node --since=@$restarted -o cat --no-pager | grep -q '\"event\":\"committed\"'"

inside "systemctl stop $verifier; [ \$(systemctl show -p Result --value $verifier) = success ]"
echo "seen: the verifier stopped, and that is no failure"
inside "sed -i 's/^task = .*/task = \"nonsense\"/' $folder/one-verifier/verifier.toml; ! systemctl start $verifier 2>/dev/null"
until_seen "a mistake is told" 60 "$(said $verifier 'Give 0x and 64 hex digits')"
sleep 15 # longer than RestartSec
inside "[ \$(systemctl show -p NRestarts --value $verifier) = 0 ] && [ \$(systemctl is-active $verifier) = failed ]"
echo "seen: it stays down"

inside 'set --; for line in $(sed -n "/^NoNew/,/^\[Install/p" /etc/systemd/system/cupel-node@.service | grep -E "^[A-Z][A-Za-z]+=" \
    | grep -v ReadWritePaths | tr " " "+"); do set -- "$@" "--property=$(echo "$line" | tr "+" " ")"; done
    systemd-run --quiet --pipe --wait --uid=cupel "$@" /opt/cupel/bin/python -c "
import socket
from cupel.protocol.environments.worker import _limit
assert _limit()
try:
    socket.create_connection((\"127.0.0.1\", 8545), 5)
except OSError:
    raise SystemExit(0)
raise SystemExit(1)"'
echo "seen: an environment's process has no network"
