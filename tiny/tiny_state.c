// SPDX-License-Identifier: GPL-2.0
/* The state that the files of the magazine layer share, and nothing else. */
#include "tiny/tiny_class.h"
#include "tiny/tiny_core.h"
#include "tiny/tiny_rcu.h"

DEFINE_MUTEX(hak_caches_lock);	/* [1] in the lock order */
HAK_EXPORT_TEST(hak_caches_lock);
LIST_HEAD(hak_caches);
struct hak_config hak_conf __read_mostly;
HAK_EXPORT_TEST(hak_conf);
unsigned long hak_secret __read_mostly;
HAK_EXPORT_TEST(hak_secret);
unsigned long hak_live_secret __read_mostly = 0x2545f491;
HAK_EXPORT_TEST(hak_live_secret);
atomic_long_t hak_waiting[1 << HAK_WAITING_BITS];
HAK_EXPORT_TEST(hak_waiting);

DEFINE_STATIC_KEY_TRUE(hak_hardened_key);
HAK_EXPORT(hak_hardened_key);
DEFINE_STATIC_KEY_FALSE(hak_init_key);
HAK_EXPORT(hak_init_key);
DEFINE_STATIC_KEY_FALSE(hak_multi_node_key);
struct hak_cache *hak_class[HAK_NR_CLASSES] __read_mostly;
HAK_EXPORT(hak_class);
