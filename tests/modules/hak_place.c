// SPDX-License-Identifier: GPL-2.0
/* Says where in the machine's memory an object of hakmem lies, which lives as long as this. */
#include <linux/hakmem.h>
#include <linux/io.h>

static unsigned char *object;

static int __init hak_place_init(void)
{
	object = hak_alloc(512, GFP_KERNEL);
	if (!object)
		return -ENOMEM;
	memset(object, 0x5a, 512);
	pr_info("hak_place: object at 0x%llx\n", (u64)virt_to_phys(object));
	return 0;
}

static void __exit hak_place_exit(void)
{
	pr_info("hak_place: object is %s\n", memchr_inv(object, 0x5a, 512) ? "broken" : "whole");
	hak_free(object);
}

module_init(hak_place_init);
module_exit(hak_place_exit);

HAK_IMPORT;
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("where an object of hakmem lies");
