#!/usr/bin/env bash
# On overlayfs (Linux 6.18, as seen with the containers' usual set-up) a mapping does not keep
# the open file description that it was made from. A lock of the open file description kind
# (F_OFD_SETLK) goes when the descriptor is closed, though the mapping stays; on tmpfs it
# stays with the mapping, as on ext4.
# One would have guessed the same everywhere: mmap(2) says that closing the descriptor does not
# unmap, and a description lives as long as something refers to it.
# Needs root, or a namespace in which it may mount.
source "$(dirname "$0")/common"
need cc mount

cat >lock.c <<'C'
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct flock lock = {.l_type = F_WRLCK, .l_len = 1}, ask = lock;
	int fd = open(argv[argc - 1], O_RDWR | O_CREAT, 0600), other;
	if (fd < 0 || ftruncate(fd, 4096) != 0 || fcntl(fd, F_OFD_SETLK, &lock) != 0)
		err(2, "lock");
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		err(2, "map");
	close(fd);
	if ((other = open(argv[argc - 1], O_RDWR)) < 0 || fcntl(other, F_OFD_GETLK, &ask) != 0)
		err(2, "ask");
	puts(ask.l_type == F_UNLCK ? "gone" : "kept");
	return 0;
}
C
cc -o lock lock.c
mkdir below
mount -t tmpfs none below || exit 2
trap 'umount -q below/merged; umount below; rm -rf "$folder"' EXIT
mkdir below/{lower,upper,work,merged}
mount -t overlay overlay -o lowerdir=below/lower,upperdir=below/upper,workdir=below/work below/merged || exit 2

{
  echo "tmpfs: $(./lock below/plain)"
  echo "overlayfs over it: $(./lock below/merged/file)"
} | seen 'tmpfs: kept
overlayfs over it: gone'
