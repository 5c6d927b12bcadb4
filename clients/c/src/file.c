#include "handle.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Queues in named files, and what the kinds of places share of files. */

static int open_at(const char *path, bool write, bool follow)
{
	/* It never blocks, so that a FIFO in the way is reported and not waited for. */
	int fd, flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW);
	while ((fd = open(path, flags)) < 0 && errno == EINTR)
		;
	return fd;
}

/* Notes which file it is, and on what filesystem. */
int identify(struct place *at, int fd, struct shmq_error *e)
{
	struct stat st;
	struct statfs fs;
	if (fstat(fd, &st) != 0 || fstatfs(fd, &fs) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "stat");
	at->dev = st.st_dev;
	at->ino = st.st_ino;
	at->fs = (uint32_t)fs.f_type;
	at->block = (uint64_t)fs.f_bsize;
	if (!S_ISREG(st.st_mode))
		return fail(e, SHMQ_E_NOT_QUEUE, "%s is no regular file", at->path);
	return on_this_machine(at, e);
}

/* Refuses files that another machine may have mapped, too: their mappings are not coherent, and their locks end
 * when a server says so. NFS, SMB, NCP, AFS, Coda, Ceph, 9p, OCFS2, GFS2, Lustre, GPFS, BeeGFS. */
int on_this_machine(const struct place *at, struct shmq_error *e)
{
	static const uint32_t elsewhere[] = {0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x564c, 0x5346414f, 0x6b414653, 0x73757245,
					     0x00c36400, 0x01021997, 0x7461636f, 0x01161970, 0x0bd00bd0, 0x47504653, 0x19830326};
	for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
		if (at->fs == elsewhere[i])
			return fail(e, SHMQ_E_REFUSED, "%s is on a filesystem of the network, and a queue can't span machines; use /dev/shm, or SHMQ_DIR with a local directory", at->path);
	return 0;
}

int open_file(struct place *at, bool write, struct shmq_error *e)
{
	int rc, fd = open_at(at->path, write, at->follow);
	if (fd >= 0) {
		if ((rc = identify(at, fd, e)) == 0)
			return fd;
		close(fd);
		return rc;
	}
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return fail_os(e, SHMQ_E_ABSENT, "open %s", at->path);
	case EACCES:
	case EPERM:
	case EROFS:
		return fail_os(e, SHMQ_E_PERMISSION, "open %s%s", at->path, write ? "; to take part is to write" : "");
	case ELOOP:
	case EISDIR:
	case ENXIO:
	case ENODEV:
		return fail_os(e, SHMQ_E_NOT_QUEUE, "open %s", at->path);
	}
	return fail_os(e, SHMQ_E_SYSTEM, "open %s", at->path);
}

static int same_file(const struct place *at, int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_dev == at->dev && st.st_ino == at->ino;
}

/* Opens a description of its own of the file behind fd, even if its name means another by now. */
int reopen_place(const struct place *at, int fd, struct shmq_error *e)
{
	char path[40];
	int got = at->kind == IN_DESCRIPTOR ? -1 : open_at(at->path, true, at->follow);
	if (got >= 0 && same_file(at, got))
		return got;
	if (got >= 0)
		close(got);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	got = open_at(path, true, true);
	if (got < 0)
		return errno == ENOENT ? GONE : fail_os(e, SHMQ_E_SYSTEM, "open %s again", at->path);
	if (same_file(at, got))
		return got;
	close(got);
	return GONE;
}

/* Whether the name means this file now: 1 or 0, and -1 where that can't be told. */
int names_place(const struct place *at, int fd)
{
	struct stat st;
	if (at->kind == IN_DESCRIPTOR)
		return 1;
	if (stat(at->path, &st) == 0)
		return st.st_dev == at->dev && st.st_ino == at->ino && st.st_nlink > 0 && (at->kind != IN_SEGMENT || at->id < 0 || has_segment(at->id));
	if (errno == ENOENT)
		return 0;
	return fstat(fd, &st) == 0 && st.st_nlink == 0 ? 0 : -1;
}

int write_at(int fd, const void *b, size_t n, uint64_t off)
{
	const uint8_t *from = b;
	while (n > 0) {
		ssize_t wrote = pwrite(fd, from, n, (off_t)off);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return -1;
		from += wrote;
		off += (uint64_t)wrote;
		n -= (size_t)wrote;
	}
	return 0;
}

