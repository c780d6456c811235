#!/bin/sh
# Host names by a hosts file, search domains and a name server (dnsmasq) of our own, in a
# mount and network namespace where nobody else is disturbed; and by one that never answers.
# time limit: 60

# What is mounted over the system's files.
inside() {
    ip link set lo up || exit 1
    for file in hosts resolv.conf nsswitch.conf; do
        mount --bind "$work/$file" /etc/$file || exit 1
    done
    # Nobody has 127.0.0.9.
    dnsmasq --keep-in-foreground --user=root --conf-file=/dev/null --no-resolv --no-hosts \
        --pid-file= --listen-address=127.0.0.1 --bind-interfaces --log-facility=- \
        --local=/test/ --server=/silent.test/127.0.0.9 \
        --host-record=both.first.test,192.0.2.1,2001:db8::1 \
        --host-record=four.first.test,192.0.2.4 --host-record=six.first.test,2001:db8::6 \
        --host-record=later.second.test,192.0.2.2 --host-record=known.first.test,192.0.2.99 \
        --host-record=near.first.test,127.0.0.1,::1 > "$work/dnsmasq.log" 2>&1 &
    dnsmasq=$!
    until [ "$("$work/names" 4 four.first.test)" = "four.first.test: 192.0.2.4" ]; do
        kill -0 "$dnsmasq" || exit 1
        sleep 0.05
    done
    # A server that takes queries and says nothing.
    python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.9", 53))
print("ready", flush=True)
time.sleep(60)' > "$work/silent.log" &
    silent=$!
    until [ -s "$work/silent.log" ]; do
        kill -0 "$silent" || exit 1
        sleep 0.05
    done
    names=$work/names
    {
        "$names" 0 both six four nobody known localhost
        "$names" 4 both six
        "$names" 6 both four
        "$names" prefer4 both six
        "$names" prefer6 both four known
        "$names" 4 later later.second.test both.first.test. later.
        "$names" connect near
        "$names" silent host.silent.test
        # A change of the configuration is noticed.
        echo 'search second.test
nameserver 127.0.0.1' > "$work/resolv.conf"
        "$names" 4 later both
    } > "$work/seen.log" 2>&1
    kill "$dnsmasq" "$silent"
    wait
}

if [ "${1-}" = inside ]; then
    work=$2
    inside
    exit
fi

. "$(dirname "$0")/peers/build.sh"
for tool in dnsmasq unshare ip python3; do
    PATH=$PATH:/usr/sbin:/sbin command -v $tool > /dev/null || skip "$tool is not installed"
done
for way in -mn -rmn; do
    unshare $way true 2> /dev/null && break
    way=
done
[ -n "$way" ] || skip "namespaces are not permitted here"
build c-tests/peers/names.c
echo '127.0.0.1 localhost
::1 localhost
192.0.2.7 known alias.test' > "$work/hosts"
echo 'search first.test second.test
nameserver 127.0.0.1
options timeout:30 attempts:1' > "$work/resolv.conf"
echo 'hosts: files dns' > "$work/nsswitch.conf"
PATH=$PATH:/usr/sbin:/sbin unshare $way sh "c-tests/$(basename "$0")" inside "$work" ||
    fail "the namespace"
cat > "$work/expected" <<'EOF'
both: 192.0.2.1 2001:db8::1
six: 2001:db8::6
four: 192.0.2.4
nobody:
known: 192.0.2.7
localhost: 127.0.0.1 ::1
both: 192.0.2.1
six:
both: 2001:db8::1
four:
both: 192.0.2.1 2001:db8::1
six: 2001:db8::6
both: 2001:db8::1 192.0.2.1
four: 192.0.2.4
known: 192.0.2.7
later: 192.0.2.2
later.second.test: 192.0.2.2
both.first.test.: 192.0.2.1
later.:
connected
at once
later: 192.0.2.2
both:
EOF
same "what was found" "$(cat "$work/seen.log")" "$(cat "$work/expected")"
