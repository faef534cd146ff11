#!/bin/sh
# Puts a backup into the data directory of a Redis or Valkey that is stopped:
#
#   sh restore-redis.sh BACKUP.rdb DIRECTORY
#
# What was in the directory is moved to DIRECTORY/before-restore-<time>. A server with `appendonly yes` ignores a
# snapshot where it has no append-only file, and starts empty: so a temporary server without a port reads the snapshot
# and writes the append-only file. Only then is the directory ready.
set -eu

[ $# -eq 2 ] || { echo "use: restore-redis.sh BACKUP.rdb DIRECTORY" >&2; exit 2; }
backup=$1 data=$2
[ -s "$backup" ] && [ -d "$data" ] || { echo "restore-redis.sh: $backup or $data is missing or empty" >&2; exit 2; }
for kind in redis valkey; do
    command -v $kind-server >/dev/null && command -v $kind-cli >/dev/null && program=$kind && break
done
[ -n "${program:-}" ] || { echo "restore-redis.sh: there is no redis-server and redis-cli on the PATH" >&2; exit 2; }
for process in /proc/[0-9]*; do  # a server's working directory is its data directory; only Linux tells
    if [ "$process/cwd" -ef "$data" ] && grep -q -e redis -e valkey "$process/comm" 2>/dev/null; then
        echo "restore-redis.sh: a server (process ${process#/proc/}) uses $data; stop it first" >&2
        exit 1
    fi
done
"$program-check-rdb" "$backup" >/dev/null || { echo "restore-redis.sh: $backup is no whole snapshot" >&2; exit 1; }

before=$data/before-restore-$(date -u +%Y%m%dT%H%M%SZ)
mkdir "$before"
work=$(mktemp -d)  # for the socket, whose path may have 107 characters at most
trap 'rm -rf "$work"' EXIT
cp "$backup" "$work/backup.rdb"  # it may be in the directory itself
for old in "$data"/appendonlydir "$data"/*.rdb "$data"/*.aof; do
    [ ! -e "$old" ] || mv "$old" "$before/"
done
cp "$work/backup.rdb" "$data/dump.rdb"

ask() { "$program-cli" -s "$work/socket" "$@"; }
"$program-server" --port 0 --unixsocket "$work/socket" --dir "$data" --dbfilename dump.rdb \
    --save "" --appendonly no --logfile "" >"$work/log" &
server=$!
until [ "$(ask ping 2>/dev/null)" = PONG ]; do
    kill -0 $server 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
done
keys=$(ask info keyspace | grep -o 'keys=[0-9]*' | cut -d= -f2 | head -n 1)
ask config set appendonly yes >/dev/null
until state=$(ask info persistence) &&
    echo "$state" | grep -q 'aof_rewrite_in_progress:0' && echo "$state" | grep -q 'aof_rewrite_scheduled:0'; do
    sleep 0.2
done
echo "$state" | grep -q 'aof_last_bgrewrite_status:ok' || { cat "$work/log" >&2; exit 1; }
ask shutdown >/dev/null 2>&1 || true
wait $server || true
rm "$data/dump.rdb"
echo "restored ${keys:-0} keys; what was there before is in $before"
