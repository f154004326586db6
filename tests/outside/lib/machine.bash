# A machine of its own in a folder: systemd booted by systemd-nspawn, a network that has nothing but a loopback.
# Scripts that need one source this. shellcheck shell=bash

net=lww-$$ # The network's name.
machine='' # The process of systemd-nspawn.
leader=''  # The machine's systemd, as this machine counts.

# A network like that of a machine whose cable is out.
make_network() {
  ip netns add "$net"
  ip -n "$net" link set lo up
}

# Runs a program of this machine in that network.
here() { ip netns exec "$net" "$@"; }

# Boots the system in a folder up to a target and waits until it is up. systemd-nspawn forbids Landlock unless it is told: boot TARGET LOG OPTIONS OF systemd-nspawn…
boot() {
  local target=$1 log=$2
  shift 2
  systemd-nspawn --quiet --network-namespace-path="/run/netns/$net" --register=no --keep-unit --kill-signal=SIGRTMIN+3 \
    --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' "$@" --boot "systemd.unit=$target" >"$log" 2>&1 </dev/null &
  machine=$!
  for _ in $(seq 120); do
    leader=$(pgrep --parent "$machine" || true)
    if [ -n "$leader" ] && within systemctl is-active --quiet "$target" 2>/dev/null; then return; fi
    kill -0 "$machine" 2>/dev/null || break
    sleep 0.5
  done
  stop_machine
  return 1
}

# Runs a program of the machine on it, as root.
within() {
  nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup --root --wd \
    /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}

stop_machine() {
  [ -n "$machine" ] || return 0
  within systemctl poweroff --no-block 2>/dev/null || kill "$machine" 2>/dev/null || true
  wait "$machine" || true
  machine='' leader=''
}
