#include "handle.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A maker writes the complete file without a name, reserves its storage, and links it to its name; the link
 * fails if the name exists, and then the other's queue is used. All bytes behind the header start as zero.
 */
enum { STEP = 1 << 20, EXEC_NEVER = 8 }; /* MFD_NOEXEC_SEAL */

static int no_room(const char *path, uint64_t size, struct shmq_error *e)
{
	return fail_os(e, errno == ENOSPC || errno == EDQUOT || errno == ENOMEM ? SHMQ_E_NO_SPACE : errno == EFBIG || errno == EMFILE || errno == ENFILE ? SHMQ_E_REFUSED : SHMQ_E_SYSTEM,
		       "the queue takes %llu bytes at %s; make it with fewer or smaller slots, free some, or enlarge that (a container's /dev/shm: docker run --shm-size)",
		       (unsigned long long)size, path);
}

static int write_zeros(int fd, uint64_t from, uint64_t n)
{
	uint8_t zeros[4096];
	memset(zeros, 0, sizeof zeros);
	for (uint64_t at = from; at < from + n; at += sizeof zeros)
		if (write_at(fd, zeros, least(sizeof zeros, from + n - at), at) != 0)
			return -1;
	return 0;
}

/* Gives the file size bytes of storage, all zero. Without the storage it fails, and a later access cannot fault
 * for lack of it. */
int allocate(int fd, uint64_t size, const char *where, struct shmq_error *e)
{
	struct statfs fs;
	uint64_t step = STEP;
	if (fstatfs(fd, &fs) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "statfs");
	if (fs.f_blocks != 0 && size / (uint64_t)fs.f_bsize > (uint64_t)fs.f_bfree) {
		errno = ENOSPC;
		return no_room(where, size, e);
	}
	if ((uint32_t)fs.f_type == HUGETLBFS) {
		step = (uint64_t)fs.f_bsize;
		size = (size + step - 1) / step * step;
	}
	if (ftruncate(fd, (off_t)size) != 0)
		return no_room(where, size, e);
	for (uint64_t at = 0; at < size; at += step) {
		int rc;
		while ((rc = fallocate(fd, 0, (off_t)at, (off_t)least(step, size - at))) != 0 && errno == EINTR)
			;
		if (rc != 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM || errno == EACCES))
			rc = write_zeros(fd, at, least(step, size - at));
		if (rc != 0)
			return no_room(where, size, e);
	}
	return 0;
}

static int write_header(int fd, const struct geometry *g, const uint8_t h[128], uint32_t fs)
{
	void *mem;
	if (fs != HUGETLBFS)
		return write_at(fd, h, L_HEADER_USED, 0);
	mem = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); /* where write does not work */
	if (mem == MAP_FAILED)
		return -1;
	memcpy(mem, h, L_HEADER_USED);
	munmap(mem, 2 << 20);
	(void)g;
	return 0;
}

/* A file in the directory of path, without a name where the filesystem can do that, else with a hidden one. */
static int temporary(const char *dir, char *temp, size_t cap)
{
	uint64_t random;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	temp[0] = 0;
	if (fd >= 0 && access("/proc/self/fd", F_OK) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	else if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOSYS && errno != EPERM && errno != EACCES)
		return -1;
	if (random_bytes(&random, sizeof random) != 0)
		return -1;
	if ((size_t)snprintf(temp, cap, "%s/.shmq-new-%016llx", dir, (unsigned long long)random) >= cap)
		return -1;
	return open(temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
}

static int name_it(int fd, const char *temp, const char *path)
{
	char from[40];
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	return temp[0] ? linkat(AT_FDCWD, temp, AT_FDCWD, path, 0) : linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY), rc;
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc != 0 && errno == EINVAL ? 0 : rc; /* nothing to be synced there */
}

static int fill_and_name(struct place *at, int fd, const char *dir, const char *temp, const struct geometry *g, uint32_t mode, struct shmq_error *e)
{
	uint8_t h[L_HEADER_USED];
	bool sums = g->flags & L_FLAG_CHECKSUM;
	int rc;
	if (fchmod(fd, (mode_t)mode) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "chmod");
	if ((rc = identify(at, fd, e)) != 0 || (rc = allocate(fd, g->total, at->path, e)) != 0 || (rc = encode_header(g, h, e)) != 0)
		return rc;
	if ((sums && at->fs != HUGETLBFS && write_zeros(fd, 0, g->total) != 0) || write_header(fd, g, h, at->fs) != 0)
		return no_room(at->path, g->total, e);
	if (sums && fsync(fd) != 0 && errno != EINVAL) /* the name may be on the disk as soon as it is there */
		return fail_os(e, SHMQ_E_SYNC, "no queue was made");
	if (name_it(fd, temp, at->path) != 0)
		return errno == EEXIST ? fail(e, SHMQ_E_EXISTS, "%s", at->path) : no_room(at->path, g->total, e);
	if (sums && sync_dir(dir) != 0)
		return fail_os(e, SHMQ_E_SYNC, "the queue was made, but a crash of the machine may lose it");
	return 0;
}

static int create_file(struct place *at, const struct geometry *g, uint32_t mode, struct shmq_error *e)
{
	char dir[sizeof at->path], temp[sizeof at->path + 40];
	int fd, rc;
	if (access(at->path, F_OK) == 0)
		return fail(e, SHMQ_E_EXISTS, "%s", at->path);
	memcpy(dir, at->path, sizeof dir);
	strrchr(dir, '/')[dir[0] == '/' && strrchr(dir, '/') == dir] = 0;
	fd = temporary(dir, temp, sizeof temp);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
		return fail_os(e, SHMQ_E_PERMISSION, "create a file in %s", dir);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fail_os(e, SHMQ_E_ABSENT, "the directory %s; make it first", dir);
	if (fd < 0)
		return no_room(at->path, g->total, e);
	rc = fill_and_name(at, fd, dir, temp, g, mode, e);
	if (temp[0] != 0)
		unlink(temp);
	close(fd);
	return rc;
}

int create_segment(struct place *at, const struct geometry *g, uint32_t mode, struct shmq_error *e);

int create_place(struct place *at, const struct shmq_shape *shape, struct shmq_error *e)
{
	struct geometry g;
	uint32_t mode;
	int rc = shape_geometry(shape, &g, &mode, e);
	if (rc != 0)
		return rc;
	if (at->kind == IN_DESCRIPTOR)
		return fail(e, SHMQ_E_NAME, "a descriptor can't be made under a number; use shmq_create_anonymous, or run: shmq anon");
	return at->kind == IN_SEGMENT ? create_segment(at, &g, mode, e) : create_file(at, &g, mode, e);
}

int shmq_create(const char *name, const struct shmq_shape *shape, struct shmq_error *e)
{
	struct place at;
	int rc = find_place(&at, name, e);
	if (rc == 0)
		rc = create_place(&at, shape, e);
	return in_op(e, "create", name, rc);
}

static int anonymous(const struct geometry *g, uint32_t mode, struct shmq_error *e)
{
	uint8_t h[L_HEADER_USED];
	int rc, fd = memfd_create("shmq", MFD_CLOEXEC | MFD_ALLOW_SEALING | EXEC_NEVER);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("shmq", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fail_os(e, SHMQ_E_REFUSED, "memfd_create; use a queue with a name");
	if ((rc = allocate(fd, g->total, "memory", e)) == 0 && (rc = encode_header(g, h, e)) == 0) {
		if (fchmod(fd, (mode_t)(mode & 0666)) != 0 || write_at(fd, h, sizeof h, 0) != 0)
			rc = fail_os(e, SHMQ_E_SYSTEM, "write");
		else if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
			rc = fail_os(e, SHMQ_E_REFUSED, "seal it");
	}
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int shmq_create_anonymous(const struct shmq_shape *shape, struct shmq_error *e)
{
	struct geometry g;
	uint32_t mode;
	int rc = shape_geometry(shape, &g, &mode, e);
	if (rc == 0)
		rc = anonymous(&g, mode, e);
	return in_op(e, "create", "anonymous", rc);
}
