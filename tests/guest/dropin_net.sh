# SPDX-License-Identifier: GPL-2.0
# nf_conntrack of the kernel's source, unmodified, on the backend BACKEND names.  Flows go between
# two network namespaces over a veth pair.  They are tracked in both, in tasks and in softirqs.
# FLOWS: how many at a time; HARDENED: hakmem's parameter; METER=1: built with the meter.
. /lib.sh
. /lib-dropin.sh
BACKEND=${BACKEND:-*:hakmem}
FLOWS=${FLOWS:-4000}

flow()	# flow KIND PORT FLOWS
{
	check "$1: $3 flows to port $2" /sbin/ip netns exec here dropin_net "$1" 10.0.0.2 "$2" "$3"
	awk '$1 == "ops" { n += $2 } END { print n + 0 }' /tmp/out >>/tmp/ops
	sample "$1 $2"
}

tracked() { /sbin/ip netns exec there cat /proc/sys/net/netfilter/nf_conntrack_count; }

for m in crc32c_generic libcrc32c nf_defrag_ipv4 nf_defrag_ipv6 veth; do check "$m loads" load $m; done
dropin_start nf_conntrack
check "tracking is asked for" load ct_hook
mkdir -p /run/netns
for ns in here there; do check "namespace $ns" /sbin/ip netns add $ns; done
/sbin/ip link add v0 netns here type veth peer name v1 netns there
/sbin/ip netns exec here ip addr add 10.0.0.1/24 dev v0
/sbin/ip netns exec here /sbin/ip link set v0 up
/sbin/ip netns exec there ip addr add 10.0.0.2/24 dev v1
/sbin/ip netns exec there /sbin/ip link set v1 up
# The flows that are answered are all there at once, to the end; those that are refused come and go.
put 100000 /proc/sys/net/netfilter/nf_conntrack_max
# On a slow machine as well, where the usual half minute is over before the last flow began.
for ns in here there; do
	for t in udp_timeout udp_timeout_stream; do
		check "$t of $ns" /sbin/ip netns exec $ns sh -c "echo 900 >/proc/sys/net/netfilter/nf_conntrack_$t"
	done
done
/sbin/ip netns exec there dropin_net serve 10.0.0.2 &
server=$!
sleep 1
flow udp 5000 "$FLOWS"
check "$(tracked) flows are tracked" test "$(tracked)" -ge "$FLOWS"
flow udp 5001 "$FLOWS"
flow tcp 5002 $((FLOWS / 4))
flow udp 5003 "$FLOWS"
for port in 4000 4001 4002; do flow refused $port "$FLOWS"; done
echo "# ops $(awk '{ n += $1 } END { print n }' /tmp/ops)"
kill $server
for ns in here there; do check "namespace $ns goes" /sbin/ip netns del $ns; done
sleep 2
put 3 /proc/sys/vm/drop_caches
sleep 1
sample drop_caches
check "tracking is no longer asked for" rmmod ct_hook
dropin_end nf_conntrack
