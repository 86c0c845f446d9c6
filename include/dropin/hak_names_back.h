/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gives back the names that hak_names_take.h took.
 * No include guard: read before each header of the kernel's that knows these names.
 */
#pragma pop_macro("kmem_cache")

#ifdef HAK_NAMES_CALLS
#undef HAK_NAMES_CALLS

#pragma pop_macro("kmem_cache_create")
#pragma pop_macro("__kmem_cache_create_args")
#pragma pop_macro("kmem_cache_create_usercopy")
#pragma pop_macro("KMEM_CACHE")
#pragma pop_macro("KMEM_CACHE_USERCOPY")
#pragma pop_macro("kmem_cache_destroy")
#pragma pop_macro("kmem_cache_shrink")
#pragma pop_macro("kmem_cache_size")
#pragma pop_macro("kmem_cache_alloc")
#pragma pop_macro("kmem_cache_zalloc")
#pragma pop_macro("kmem_cache_alloc_node")
#pragma pop_macro("kmem_cache_alloc_lru")
#pragma pop_macro("alloc_inode_sb")
#pragma pop_macro("kmem_cache_alloc_bulk")
#pragma pop_macro("kmem_cache_free")
#pragma pop_macro("kmem_cache_free_bulk")
#pragma pop_macro("mempool_alloc_slab")
#pragma pop_macro("mempool_free_slab")
#pragma pop_macro("mempool_init")
#pragma pop_macro("mempool_init_node")
#pragma pop_macro("mempool_create")
#pragma pop_macro("mempool_create_node")
#pragma pop_macro("mempool_create_slab_pool")
#pragma pop_macro("mempool_init_slab_pool")
#pragma pop_macro("__free_kfree")
#pragma pop_macro("__free_kvfree")
#pragma pop_macro("ksize")
#pragma pop_macro("kfree")
#pragma pop_macro("kfree_sensitive")
#pragma pop_macro("kvfree")
#pragma pop_macro("kvfree_sensitive")
#pragma pop_macro("kfree_bulk")
#pragma pop_macro("kfree_rcu")
#pragma pop_macro("kvfree_rcu")
#pragma pop_macro("kfree_rcu_mightsleep")
#pragma pop_macro("kvfree_rcu_mightsleep")

#ifdef HAK_DROPIN_KMALLOC
#pragma pop_macro("kmalloc")
#pragma pop_macro("kzalloc")
#pragma pop_macro("kmalloc_node")
#pragma pop_macro("kzalloc_node")
#pragma pop_macro("kmalloc_array")
#pragma pop_macro("kcalloc")
#pragma pop_macro("krealloc")
#pragma pop_macro("krealloc_array")
#pragma pop_macro("krealloc_node")
#pragma pop_macro("krealloc_node_align")
#pragma pop_macro("kvrealloc")
#pragma pop_macro("kvrealloc_node")
#pragma pop_macro("kvrealloc_node_align")
#endif
#endif /* HAK_NAMES_CALLS */
