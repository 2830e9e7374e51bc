#!/usr/bin/env bash
# 1 GiB into a server by `curl -T` and out again, side by side with nginx on the same machine and the same disk: by turns,
# because a machine is not as fast at any time. Prints the median of each in MB/s, and how they compare.
#
#   cargo build --release && tests/bench/uploads.sh [SERVER [ROUNDS [BYTES]]]
#
# nginx is Debian's (package nginx): PUT by its dav module, GET as it serves any file. It needs 4 GiB below $TMPDIR.
set -euo pipefail
server=${1:-epoll-server} rounds=${2:-5} bytes=${3:-1073741824}
program=${CARGO_TARGET_DIR:-target}/release/$server

command -v nginx curl >/dev/null || { echo 'nginx and curl are needed' >&2; exit 1; }
[[ -x $program ]] || { echo "$program is not there: cargo build --release" >&2; exit 1; }

folder=$(mktemp -d)
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
pids=()

start_nginx() {
  mkdir "$folder/nginx" "$folder/nginx/files"
  cat >"$folder/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $folder/nginx/pid;
error_log $folder/nginx/error.log;
events {}
http {
  access_log off;
  sendfile on;
  client_max_body_size 0;
  client_body_temp_path $folder/nginx/body;
  proxy_temp_path $folder/nginx/proxy;
  fastcgi_temp_path $folder/nginx/fastcgi;
  uwsgi_temp_path $folder/nginx/uwsgi;
  scgi_temp_path $folder/nginx/scgi;
  server {
    listen 127.0.0.1:$1;
    root $folder/nginx/files;
    dav_methods PUT DELETE;
  }
}
CONF
  # As root it would serve as nobody, who may not write here.
  [[ $EUID -ne 0 ]] || sed -i '1i user root;' "$folder/nginx.conf"
  nginx -e "$folder/nginx/error.log" -p "$folder/nginx" -c "$folder/nginx.conf" &
  pids+=($!)
}

start_ours() {
  "$program" --port "$1" --data "$folder/ours" >/dev/null &
  pids+=($!)
}

free_port() {
  local port
  while port=$((RANDOM % 20000 + 10000)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

until_up() {
  local tries=100
  until curl -s -o /dev/null "http://127.0.0.1:$1/"; do
    ((tries-- > 0)) || { echo "nobody listens on $1" >&2; exit 1; }
    sleep 0.1
  done
}

# Seconds, and nothing else; whatever is not a success ends it all.
timed() { curl -sSf -o /dev/null -w '%{time_total}\n' "$@"; }

median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

head -c "$bytes" /dev/urandom >"$folder/content"
nginx_port=$(free_port) ours_port=$(free_port)
start_nginx "$nginx_port"
start_ours "$ours_port"
until_up "$nginx_port"
until_up "$ours_port"
at_nginx=http://127.0.0.1:$nginx_port/content at_ours=http://127.0.0.1:$ours_port
at_image=$at_ours/images/$(sha256sum "$folder/content" | head -c 64)

for ((round = 1; round <= rounds; round++)); do
  sync # what the one has written shall not slow the other
  timed -T "$folder/content" "$at_nginx" >>"$folder/nginx.in"
  timed "$at_nginx" >>"$folder/nginx.out"
  curl -sSf -X DELETE "$at_nginx"
  sync
  timed -X POST -T "$folder/content" "$at_ours/images" >>"$folder/ours.in"
  timed "$at_image" >>"$folder/ours.out"
  curl -sSf -X DELETE "$at_image"
done

for way in in out; do
  awk -v way=$way -v bytes="$bytes" -v nginx="$(median "$folder/nginx.$way")" -v ours="$(median "$folder/ours.$way")" \
    -v server="$server" 'BEGIN {
      printf "%-3s  nginx %5.0f MB/s  %s %5.0f MB/s  %.2f of nginx\n", way, bytes / nginx / 1e6, server, bytes / ours / 1e6, nginx / ours
    }'
done
