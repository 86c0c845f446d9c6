/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Takes the names of the kernel's for the driver.  What each means in the kernel, if anything, is
 * kept for hak_names_back.h, which has the same names.
 *
 * Before linux/slab.h was read there are no calls that could be meant, but the type has its new
 * name: a driver's header may stand first.
 * No include guard: read behind each header of the kernel's that knows these names.
 */
#pragma push_macro("kmem_cache")
#undef kmem_cache
#define kmem_cache hak_cache_kernel_code_cannot_use

#ifdef _HAK_CALLS_H
#define HAK_NAMES_CALLS 1

#pragma push_macro("kmem_cache_create")
#undef kmem_cache_create
#pragma push_macro("__kmem_cache_create_args")
#undef __kmem_cache_create_args
#pragma push_macro("kmem_cache_create_usercopy")
#undef kmem_cache_create_usercopy
#pragma push_macro("KMEM_CACHE")
#undef KMEM_CACHE
#pragma push_macro("KMEM_CACHE_USERCOPY")
#undef KMEM_CACHE_USERCOPY
#pragma push_macro("kmem_cache_destroy")
#undef kmem_cache_destroy
#pragma push_macro("kmem_cache_shrink")
#undef kmem_cache_shrink
#pragma push_macro("kmem_cache_size")
#undef kmem_cache_size
#pragma push_macro("kmem_cache_alloc")
#undef kmem_cache_alloc
#pragma push_macro("kmem_cache_zalloc")
#undef kmem_cache_zalloc
#pragma push_macro("kmem_cache_alloc_node")
#undef kmem_cache_alloc_node
#pragma push_macro("kmem_cache_alloc_lru")
#undef kmem_cache_alloc_lru
#pragma push_macro("alloc_inode_sb")
#undef alloc_inode_sb
#pragma push_macro("kmem_cache_alloc_bulk")
#undef kmem_cache_alloc_bulk
#pragma push_macro("kmem_cache_free")
#undef kmem_cache_free
#pragma push_macro("kmem_cache_free_bulk")
#undef kmem_cache_free_bulk
#pragma push_macro("mempool_alloc_slab")
#undef mempool_alloc_slab
#pragma push_macro("mempool_free_slab")
#undef mempool_free_slab
#pragma push_macro("mempool_init")
#undef mempool_init
#pragma push_macro("mempool_init_node")
#undef mempool_init_node
#pragma push_macro("mempool_create")
#undef mempool_create
#pragma push_macro("mempool_create_node")
#undef mempool_create_node
#pragma push_macro("mempool_create_slab_pool")
#undef mempool_create_slab_pool
#pragma push_macro("mempool_init_slab_pool")
#undef mempool_init_slab_pool
#pragma push_macro("__free_kfree")
#undef __free_kfree
#pragma push_macro("__free_kvfree")
#undef __free_kvfree
#pragma push_macro("ksize")
#undef ksize
#pragma push_macro("kfree")
#undef kfree
#pragma push_macro("kfree_sensitive")
#undef kfree_sensitive
#pragma push_macro("kvfree")
#undef kvfree
#pragma push_macro("kvfree_sensitive")
#undef kvfree_sensitive
#pragma push_macro("kfree_bulk")
#undef kfree_bulk
#pragma push_macro("kfree_rcu")
#undef kfree_rcu
#pragma push_macro("kvfree_rcu")
#undef kvfree_rcu
#pragma push_macro("kfree_rcu_mightsleep")
#undef kfree_rcu_mightsleep
#pragma push_macro("kvfree_rcu_mightsleep")
#undef kvfree_rcu_mightsleep

#define kmem_cache_create(name, size, args, ...)				\
	_Generic((args),							\
		struct kmem_cache_args *: __hak_dropin_make,			\
		void *: hak_dropin_create_default,				\
		default: hak_dropin_create_legacy)(name, size, args, __VA_ARGS__, THIS_MODULE)

#define __kmem_cache_create_args(name, size, args, flags) \
	__hak_dropin_make(name, size, args, flags, THIS_MODULE)

#define kmem_cache_create_usercopy(name, size, align, flags, useroffset, usersize, ctor)	\
	hak_dropin_create_usercopy(name, size, align, flags, useroffset, usersize, ctor,	\
				   THIS_MODULE)

#define KMEM_CACHE(__struct, __flags)						\
	hak_dropin_create_legacy(#__struct, sizeof(struct __struct),		\
				 __alignof__(struct __struct), __flags, NULL, THIS_MODULE)

#define KMEM_CACHE_USERCOPY(__struct, __flags, __field)				\
	hak_dropin_create_usercopy(#__struct, sizeof(struct __struct),		\
				   __alignof__(struct __struct), __flags,	\
				   offsetof(struct __struct, __field),		\
				   sizeof_field(struct __struct, __field), NULL, THIS_MODULE)

#define kmem_cache_destroy(s) hak_dropin_destroy(s)

#define kmem_cache_shrink(s) hak_dropin_shrink(s)

#define kmem_cache_size(s) hak_dropin_pick(s, hak_kernel_size, hak_dropin_size)(s)

#define kmem_cache_alloc(s, gfp) \
	hak_dropin_pick(s, hak_kernel_alloc, hak_dropin_alloc)(s, gfp)

#define kmem_cache_zalloc(s, gfp) kmem_cache_alloc(s, (gfp) | __GFP_ZERO)

#define kmem_cache_alloc_node(s, gfp, node) \
	hak_dropin_pick(s, hak_kernel_alloc_node, hak_dropin_alloc_node)(s, gfp, node)

#define kmem_cache_alloc_lru(s, lru, gfp) \
	hak_dropin_pick(s, hak_kernel_alloc_lru, hak_dropin_alloc_lru)(s, lru, gfp)

/* An inlined function up to 6.1, with a cache of the file system's. */
#define alloc_inode_sb(sb, s, gfp) kmem_cache_alloc_lru(s, &(sb)->s_inode_lru, gfp)

#define kmem_cache_alloc_bulk(s, gfp, n, p) \
	hak_dropin_pick(s, hak_kernel_alloc_bulk, hak_dropin_alloc_bulk)(s, gfp, n, p)

#define kmem_cache_free(s, p) hak_dropin_pick(s, hak_kernel_free, hak_dropin_free)(s, p)

#define kmem_cache_free_bulk(s, n, p) \
	hak_dropin_pick(s, hak_kernel_free_bulk, hak_dropin_free_bulk)(s, n, p)

/* A mempool keeps its cache as a void pointer, which no compiler looks at. */
#define mempool_alloc_slab hak_dropin_mempool_alloc
#define mempool_free_slab hak_dropin_mempool_free

#define mempool_init hak_dropin_mempool_init
#define mempool_init_node hak_dropin_mempool_init_node
#define mempool_create hak_dropin_mempool_create
#define mempool_create_node hak_dropin_mempool_create_node

#define mempool_create_slab_pool(min_nr, s) \
	mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, hak_dropin_only(s))

#define mempool_init_slab_pool(pool, min_nr, s) \
	mempool_init(pool, min_nr, mempool_alloc_slab, mempool_free_slab, hak_dropin_only(s))

#define __free_kfree hak_dropin_cleanup_kfree
#define __free_kvfree hak_dropin_cleanup_kvfree

#define ksize(p) hak_dropin_ksize(p)
#define kfree hak_dropin_kfree
#define kfree_sensitive hak_dropin_kfree_sensitive
#define kvfree hak_dropin_kvfree
#define kvfree_sensitive hak_dropin_kvfree_sensitive
#define kfree_bulk hak_dropin_kfree_bulk

#define kfree_rcu(...)								\
	hak_dropin_rcu_form(__VA_ARGS__, hak_dropin_kfree_rcu,			\
			    hak_dropin_kfree_rcu_mightsleep)(__VA_ARGS__)
#define kvfree_rcu(...) kfree_rcu(__VA_ARGS__)
#define kfree_rcu_mightsleep(ptr) hak_dropin_kfree_rcu_mightsleep(ptr)
#define kvfree_rcu_mightsleep(ptr) hak_dropin_kfree_rcu_mightsleep(ptr)

#ifdef HAK_DROPIN_KMALLOC
#pragma push_macro("kmalloc")
#undef kmalloc
#pragma push_macro("kzalloc")
#undef kzalloc
#pragma push_macro("kmalloc_node")
#undef kmalloc_node
#pragma push_macro("kzalloc_node")
#undef kzalloc_node
#pragma push_macro("kmalloc_array")
#undef kmalloc_array
#pragma push_macro("kcalloc")
#undef kcalloc
#pragma push_macro("krealloc")
#undef krealloc
#pragma push_macro("krealloc_array")
#undef krealloc_array
#pragma push_macro("krealloc_node")
#undef krealloc_node
#pragma push_macro("krealloc_node_align")
#undef krealloc_node_align
#pragma push_macro("kvrealloc")
#undef kvrealloc
#pragma push_macro("kvrealloc_node")
#undef kvrealloc_node
#pragma push_macro("kvrealloc_node_align")
#undef kvrealloc_node_align

#define kmalloc(size, gfp) hak_alloc(size, gfp)
#define kzalloc(size, gfp) hak_zalloc(size, gfp)
#define kmalloc_node(size, gfp, node) hak_alloc_node(size, gfp, node)
#define kzalloc_node(size, gfp, node) hak_alloc_node(size, (gfp) | __GFP_ZERO, node)
#define kmalloc_array(n, size, gfp) hak_dropin_kmalloc_array(n, size, gfp)
#define kcalloc(n, size, gfp) hak_dropin_kmalloc_array(n, size, (gfp) | __GFP_ZERO)
#define krealloc(p, size, gfp) hak_dropin_krealloc(p, size, gfp)
#define krealloc_array(p, n, size, gfp) hak_dropin_krealloc_array(p, n, size, gfp)

#define krealloc_node(...) ({ hak_dropin_not_here("krealloc_node()"); NULL; })
#define krealloc_node_align(...) ({ hak_dropin_not_here("krealloc_node_align()"); NULL; })
#define kvrealloc(...) ({ hak_dropin_not_here("kvrealloc()"); NULL; })
#define kvrealloc_node(...) ({ hak_dropin_not_here("kvrealloc_node()"); NULL; })
#define kvrealloc_node_align(...) ({ hak_dropin_not_here("kvrealloc_node_align()"); NULL; })
#endif
#endif /* _HAK_CALLS_H */
