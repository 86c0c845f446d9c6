# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by dropin-build and census, after lib.sh.  Where a module of the kernel's source is, how a copy of it
# is made, and how that is built.
#
# They share the variables kernel, kdir, src, out, modules (paths of the kernel's, as kernel/fs/ext4/ext4),
# folders, hakmem, and what dropin_kernel sets: kver, moddir, tools, inside.
# shellcheck disable=SC2154 # those of who sources it
# shellcheck disable=SC2034 # and those it uses

# The kernel that was asked for.
dropin_kernel()
{
	local root name=$kernel
	tools=native inside=() moddir=
	if [ -n "$name" ]; then
		hak_kernel "$name" >/dev/null || name=$name-full
		hak_kernel "$name-full" >/dev/null && name=$name-full
		read -r _ _ _ _ tools < <(hak_kernel "$name") || die "not in kernels.txt: $kernel"
		read -r kver _ kdir < <("$HAK_ROOT/scripts/kernel-stock" "$name") || die "no stock kernel $name"
		for moddir in "${kdir%/usr/src/*}"/{usr/,}lib/modules/"$kver"; do [ ! -d "$moddir" ] || break; done
	else
		kdir=$(readlink -f "${kdir:-/lib/modules/$(uname -r)/build}")
		[ -e "$kdir/Makefile" ] || die "no kernel headers in ${kdir:-/lib/modules/$(uname -r)/build}: give --kdir or --kernel"
		kver=$(cat "$kdir/include/config/kernel.release")
		# Headers that are unpacked somewhere have their modules beside them.
		for moddir in "${kdir%/usr/src/*}"/{usr/,}lib/modules/"$kver" "/lib/modules/$kver"; do
			[ ! -d "$moddir" ] || break
		done
	fi
	[ -e "$moddir/modules.order" ] || die "the modules of $kver are not in $moddir: without their list nothing can be found"
	if [ "$tools" != native ]; then
		root=$("$HAK_ROOT/scripts/build-root" "$tools")
		inside=("$HAK_ROOT/scripts/in-root" "$root" "$HAK_CACHE" "$HAK_ROOT" --)
	fi
}

# Only hakmem.ko: a driver needs no more.
dropin_hakmem()
{
	if [ -n "$hakmem" ]; then
		hakmem=$(readlink -f "$hakmem")
		[ -e "$hakmem/Module.symvers" ] || die "hakmem is not built in $hakmem"
		return
	fi
	hakmem=$(BUILD_TOOLS=$tools "$HAK_ROOT/scripts/build-modules" "$kdir" "hakmem-$kver" CONFIG_HAKMEM_BENCH=n \
		CONFIG_HAKMEM_SELFTEST=n CONFIG_HAKMEM_TORTURE=n CONFIG_HAKMEM_KUNIT_TEST=n)
}

# The name of a module as the kernel has it.
dropin_name()
{
	local name
	name=$(basename "$1")
	printf '%s\n' "${name//-/_}"
}

# Where a module is in the source, without its ending; fails if the kernel has no such module.
dropin_path()
{
	awk -v want="${1//-/_}" '{ path = $1; sub(/\.k?o$/, "", path); name = path; sub(/.*\//, "", name)
		gsub(/-/, "_", name); sub(/^kernel\//, "", path)
		if (name == want) { print path; found = 1; exit } } END { exit !found }' "$moddir/modules.order"
}

dropin_why_not()
{
	local builtin
	builtin=$(awk -v want="${1//-/_}" '{ name = $1; sub(/.*\//, "", name); sub(/\.ko$/, "", name); gsub(/-/, "_", name)
		if (name == want) print $1 }' "$moddir/modules.builtin" 2>/dev/null | head -n 1)
	if [ -n "$builtin" ]; then
		say "$1 is built into $kver ($builtin): there is no module to put in its place. Only a kernel configured to have it as a module can have it on hakmem."
	else
		say "$kver has no module $1 and nothing of that name built in. Names are those of lsmod; a driver of your own is given as its folder."
	fi
}

# LINUX_VERSION of headers, and of a source.
version_of_headers()
{
	awk '$2 ~ /^LINUX_VERSION_(MAJOR|PATCHLEVEL|SUBLEVEL)$/ { v = v "." $3 } END { print substr(v, 2) }' \
		"$kdir/include/generated/uapi/linux/version.h"
}
version_of_source() { awk '$2 == "=" && $1 ~ /^(VERSION|PATCHLEVEL|SUBLEVEL)$/ { v = v "." $3 } END { print substr(v, 2) }' "$1/Makefile"; }

# The source of exactly this version.
dropin_source()
{
	local version series have
	version=$(version_of_headers)
	series=${version%.*}
	if [ -z "$src" ]; then
		case $series in
		6.1 | 6.12 | 7.3) src=$("$HAK_ROOT/scripts/kernel-source" "source-$series") ;;
		*) die "no source of Linux $version is known here: give --source" ;;
		esac
	fi
	src=$(readlink -f "$src")
	have=$(version_of_source "$src")
	[ "$have" = "$version" ] || die "the source in $src is Linux $have, the kernel is $version: give --source, or remove it to fetch it again"
}

# Copies what files of the copy include from outside their folders, until nothing is missing.
copy_included()
{
	local todo=$out/.todo next=$out/.next file path
	find "$out" -name '*.[chS]' >"$todo"
	while [ -s "$todo" ]; do
		: >"$next"
		{ xargs -r grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"[^"]*/[^"]*"' <"$todo" || true; } |
			sed 's/^\([^:]*\):[^"]*"\([^"]*\)"$/\1 \2/' |
			awk '{ dir = $1; sub(/\/[^\/]*$/, "", dir); print dir "/" $2 }' | sort -u |
			while IFS= read -r path; do
				[ ! -e "$path" ] || continue
				path=$(realpath -m -s "$path")
				file=${path#"$out/"}
				if [ "$file" = "$path" ] || [ ! -e "$src/$file" ]; then continue; fi
				mkdir -p "$(dirname "$path")"
				cp "$src/$file" "$path"
				printf '%s\n' "$path" >>"$next"
			done
		mv "$next" "$todo"
	done
	rm -f "$todo"
}

# A makefile of the copy: paths of the source's root, and of what it makes only what was asked for.
mend_makefile()	# mend_makefile FOLDER OBJECT...
{
	local dir=$1 file=$1/Makefile
	shift
	[ -e "$file" ] || file=$dir/Kbuild
	find "$dir" \( -name Makefile -o -name Kbuild -o -name 'Makefile.*' \) -exec \
		sed -i "s,\$(srctree)/\(fs\|drivers\|net\|sound\|crypto\|lib\|virt\|block\|security\|arch\)/,$src/\1/,g" {} +
	printf '\n# dropin-build: no more than this\nobj-y :=\nlib-y :=\nextra-y :=\nobj-m := %s\n' "$*" >>"$file"
}

# A grammar is compiled by a tool that the headers do not bring.
compile_grammars()
{
	local file tool=$out/.asn1_compiler
	find "$out" -name '*.asn1' | while IFS= read -r file; do
		[ -x "$tool" ] || gcc -O1 -w "-I$src/include" -o "$tool" "$src/scripts/asn1_compiler.c"
		"$tool" "$file" "${file%.asn1}.asn1.c" "${file%.asn1}.asn1.h" && rm "$file"
	done
}

# A folder of the source, without those below it that its makefile descends into: they make other modules.
copy_folder()	# copy_folder FOLDER
{
	local entry name makefile=$src/$1/Makefile
	[ ! -e "$out/$1/.whole" ] || return 0
	mkdir -p "$out/$1"
	: >"$out/$1/.whole"
	find "$src/$1" -maxdepth 1 -type f -exec cp -t "$out/$1" {} +
	for entry in "$src/$1"/*/; do
		[ -d "$entry" ] || continue
		name=${entry%/} name=${name##*/}
		if grep -qsE "(^|[[:space:]])$name/([[:space:]]|$)" "$makefile"; then continue; fi
		cp -r "$entry" "$out/$1/"
	done
}

# Folders beside or above, whose objects or headers the makefile names.
copy_neighbours()	# copy_neighbours FOLDER
{
	local path
	{ grep -rhoE '(\.\./)+[A-Za-z0-9_/.-]*' --include=Makefile --include=Kbuild "$out/$1" || true; } | sort -u |
		while IFS= read -r path; do
			path=$(realpath -m -s "/$1/$path")
			[ -d "$src$path" ] || path=$(dirname "$path")
			case $path in / | /drivers | /fs | /net | "/${1%%/*}") continue ;; esac
			if [ -d "$src$path" ] && [ ! -e "$out$path" ]; then copy_folder "${path#/}"; fi
		done
}

# The folder of a driver that is not the kernel's: built by itself, as its makefile may have paths made of M.
copy_driver_folder()	# copy_driver_folder FOLDER
{
	local copy file
	copy=$out/$(basename "$1")
	[ ! -e "$copy" ] || die "two drivers are called $(basename "$1")"
	cp -r "$1" "$copy"
	find "$copy" \( -name '*.o' -o -name '*.ko' -o -name '.*.cmd' -o -name '*.mod' -o -name '*.mod.c' \) -delete
	file=$copy/Kbuild
	[ -e "$file" ] || file=$copy/Makefile
	printf '\n# dropin-build: the one line\ninclude %s/include/dropin/dropin.mk\n' "$hakmem" >>"$file"
}

# Copies all of $modules and $folders to $out, with a Kbuild that makes them.
dropin_copy()
{
	local path dir dirs=() name objects
	for path in "${modules[@]}"; do
		dir=$(dirname "$path")
		case " ${dirs[*]} " in *" $dir "*) continue ;; esac
		dirs+=("$dir")
		copy_folder "$dir"
	done
	for dir in "${dirs[@]}"; do copy_neighbours "$dir"; done
	for dir in "${dirs[@]}"; do
		objects=
		for path in "${modules[@]}"; do
			[ "$(dirname "$path")" != "$dir" ] || objects+="$(basename "$path").o "
		done
		mend_makefile "$out/$dir" "$objects"
	done
	compile_grammars
	copy_included
	for path in "${folders[@]}"; do copy_driver_folder "$path"; done
	# What trace/define_trace.h includes by a path from there.
	mkdir -p "$out/include/trace"
	{
		printf 'include %s/include/dropin/dropin.mk\n' "$hakmem"
		printf 'subdir-ccflags-y += -I%s/include/trace\n' "$out"
		[ -z "${DROPIN_ALSO:-}" ] || printf 'subdir-ccflags-y += -include %s\n' "$DROPIN_ALSO"
		printf 'obj-m := %s\n' "$(printf '%s/ ' "${dirs[@]}")"
	} >"$out/Kbuild"
}

# Without debug information, which takes most of the time.
dropin_make_in()	# dropin_make_in FOLDER LOG; DROPIN_KEEP_GOING=1 makes what can be made
{
	quietly "$2" "${inside[@]}" make -C "$kdir" "M=$1" "-j${DROPIN_JOBS:-$HAK_JOBS}" KCFLAGS=-g0 \
		CONFIG_DEBUG_INFO_BTF_MODULES= ${DROPIN_KEEP_GOING:+-k} modules
}

dropin_make()	# dropin_make LOG
{
	local folder
	if [ ${#modules[@]} -gt 0 ]; then dropin_make_in "$out" "$1" || return 1; fi
	for folder in "${folders[@]}"; do dropin_make_in "$out/$(basename "$folder")" "$1" || return 1; done
}

dropin_built() { find "$out" -name '*.ko' | sed 's,.*/,,; s,\.ko$,,; y,-,_,' | grep -qx "$1"; }

# Modules of the machine that need this one directly.
dropin_users()
{
	[ -e "$moddir/modules.dep" ] || depmod -b "${moddir%/lib/modules/*}" "$kver" >/dev/null 2>&1 || return 0
	awk -v want="$1" 'function short(path) { sub(/.*\//, "", path); sub(/\.ko.*/, "", path); gsub(/-/, "_", path); return path }
		{ sub(/:/, "", $1); for (i = 2; i <= NF; i++) if (short($i) == want) print short($1) }' "$moddir/modules.dep"
}

# Symbols of a rebuilt module whose versions are other than the kernel's.
dropin_changed()
{
	awk -v module="$1" 'NR == FNR { if ($3 == module) was[$2] = $1; next }
		$2 in was && was[$2] != $1 { print $2 }' "$kdir/Module.symvers" "$out/Module.symvers"
}
