// SPDX-License-Identifier: GPL-2.0
/*
 * Asks for connection tracking in every network namespace, as a firewall's rules would.
 *
 * The kernel's own users of nf_conntrack know its symbols by other checksums than those of one
 * that is built anew.  They would have to be built anew, too.  This stands in for them.
 */
#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack.h>

static int __net_init hook_net_init(struct net *net)
{
	return nf_ct_netns_get(net, NFPROTO_IPV4);
}

static void __net_exit hook_net_exit(struct net *net)
{
	nf_ct_netns_put(net, NFPROTO_IPV4);
}

static struct pernet_operations hook_ops = {
	.init = hook_net_init,
	.exit = hook_net_exit,
};

static int __init hook_init(void)
{
	return register_pernet_subsys(&hook_ops);
}

static void __exit hook_exit(void)
{
	unregister_pernet_subsys(&hook_ops);
}

module_init(hook_init);
module_exit(hook_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Connection tracking without rules");
