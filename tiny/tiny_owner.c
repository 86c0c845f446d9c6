// SPDX-License-Identifier: GPL-2.0
/*
 * Clients that go away and leave a cache behind.
 *
 * Such a cache stays, because somebody else may still use it; but constructor and
 * destructor were the client's code, and must not be called again.
 */
#include "tiny/tiny_core.h"

static void code_is_gone(void *object)
{
}

/* Cut the ties of @mod's caches; returns whether there were any. */
static bool orphan_all(struct module *mod)
{
	struct hak_core *core;
	bool any = false;

	mutex_lock(&hak_caches_lock);
	list_for_each_entry(core, &hak_caches, list) {
		if (!core->typed || core->owner != mod)
			continue;
		pr_err("hakmem: module %s left cache %s behind; it stays, without its functions\n",
		       module_name(mod), core->name);
		core->owner = NULL;
		WRITE_ONCE(core->pool.owner, NULL);
		if (core->pool.ctor)
			WRITE_ONCE(core->pool.ctor, code_is_gone);
		if (core->pool.dtor)
			WRITE_ONCE(core->pool.dtor, code_is_gone);
		any = true;
	}
	mutex_unlock(&hak_caches_lock);
	return any;
}

static int on_module(struct notifier_block *nb, unsigned long state, void *mod)
{
	/*
	 * Its init failed, or its exit is done; its code is there until we return.  By then
	 * the worker that runs destructors must have let go of it.
	 */
	if (state == MODULE_STATE_GOING && orphan_all(mod))
		hak_release_wait();
	return NOTIFY_DONE;
}

static struct notifier_block module_nb = { .notifier_call = on_module };

int hak_owner_init(void)
{
	return register_module_notifier(&module_nb);
}

void hak_owner_exit(void)
{
	unregister_module_notifier(&module_nb);
}
