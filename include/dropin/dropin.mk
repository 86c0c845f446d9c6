# SPDX-License-Identifier: GPL-2.0
# The one line of a driver's Kbuild or Makefile, for it and the folders below it:
#   include /path/to/hakmem/include/dropin/dropin.mk
#
# NOSTDINC_FLAGS is what the compiler is told before the kernel's own folders.  The symbols of hakmem are
# where it was built, or beside the module that is installed; HAKMEM_SYMVERS says another place.
hak-dropin := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
hak-dropin-first := -I$(hak-dropin)/first
HAKMEM_SYMVERS ?= $(firstword $(wildcard $(hak-dropin)/../../Module.symvers \
	/lib/modules/$(KERNELRELEASE)/updates/hakmem.symvers))

# Folders below have it from here already.
ifeq ($(filter $(hak-dropin-first),$(NOSTDINC_FLAGS)),)
NOSTDINC_FLAGS += $(hak-dropin-first)
endif
subdir-ccflags-y += -I$(hak-dropin)/.. -include $(hak-dropin)/kmem_cache_on_hakmem.h
KBUILD_EXTRA_SYMBOLS += $(HAKMEM_SYMVERS)
