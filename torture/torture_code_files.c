// SPDX-License-Identifier: GPL-2.0
/*
 * The byte code in the kernel: two files.
 *
 *   code         a program written to it is run by the writer, so that KCOV sees what it
 *                reaches; -EIO says that something that must hold does not, and the log what
 *   code_random  "SEED NUMBER [BYTES]" runs so many random programs of up to so many bytes;
 *                each has a seed of its own, the first one SEED
 *
 * They are there when the module runs nothing else (seconds=0), and hakmem should have no
 * other user: live objects and bad frees are counted exactly.  Both files are for one writer
 * at a time; others wait.
 */
#include "kunit/lib/hak_random.h"
#include "torture/torture_code.h"
#include "torture/torture_code_impl.h"
#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

static DEFINE_MUTEX(code_lock);
static u8 *program;			/* [code_lock] CODE_MAX bytes */
static struct dentry *code_file, *random_file;

static int run_checked(size_t len)
{
	return code_run(program, len) ? 0 : -EIO;
}

static ssize_t code_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	int err;

	if (*pos || len > CODE_MAX)
		return -EINVAL;
	if (mutex_lock_interruptible(&code_lock))
		return -EINTR;
	err = copy_from_user(program, buf, len) ? -EFAULT : run_checked(len);
	mutex_unlock(&code_lock);
	return err ?: len;
}

static const struct file_operations code_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = code_write,
};

/* The program of a seed depends on that alone. Returns its length. */
static size_t draw_program(u64 seed, u32 most)
{
	u64 rand = hak_random_begin(seed, 0);
	u32 i, len = 1 + hak_below(&rand, most);

	for (i = 0; i < len; i++)
		program[i] = hak_random(&rand);
	return len;
}

static int run_random(u64 seed, u32 number, u32 most)
{
	int err = 0;
	u32 i;

	for (i = 0; i < number && !err; i++) {
		if (mutex_lock_interruptible(&code_lock))
			return -EINTR;
		err = run_checked(draw_program(seed + i, most));
		mutex_unlock(&code_lock);
		if (err)
			pr_err("hakmem_torture: code: program %u; to repeat: echo %llu 1 %u\n", i,
			       seed + i, most);
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return err;
}

static ssize_t random_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	u32 number, most = 512;
	char text[64] = "";
	u64 seed;
	int n, err;

	if (*pos || len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	n = sscanf(text, "%llu %u %u", &seed, &number, &most);
	if (n < 2 || !number || !most || most > CODE_MAX)
		return -EINVAL;
	err = run_random(seed, number, most);
	return err ?: len;
}

static const struct file_operations random_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = random_write,
};

int tt_code_init(struct dentry *dir)
{
	program = kmalloc(CODE_MAX, GFP_KERNEL);
	if (code_env_init() || !program) {
		tt_code_exit();
		return -ENOMEM;
	}
	code_file = debugfs_create_file("code", 0200, dir, NULL, &code_fops);
	random_file = debugfs_create_file("code_random", 0200, dir, NULL, &random_fops);
	return 0;
}

void tt_code_exit(void)
{
	/* Waits for who is writing. */
	debugfs_remove(code_file);
	debugfs_remove(random_file);
	code_env_exit();
	kfree(program);
}
