#include "handle.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

/*
 * Locks are of the open file description kind: the kernel drops one when the description's last
 * reference goes, at the latest when the process dies. Through the description that holds a lock its own
 * locks look free: questions go through another one.
 */
static const char no_locks[] = "without open file description locks nobody knows who lives: let the sandbox allow fcntl, and have Linux 3.15 and a local filesystem";

static int control(int fd, int cmd, short kind, uint64_t at, short *found)
{
	struct flock l;
	int rc;
	memset(&l, 0, sizeof l);
	l.l_type = kind;
	l.l_whence = SEEK_SET;
	l.l_start = (off_t)at;
	l.l_len = 1;
	while ((rc = fcntl(fd, cmd, &l)) != 0 && errno == EINTR)
		;
	if (found != NULL)
		*found = l.l_type;
	return rc;
}

int try_lock(int fd, uint64_t at, bool exclusive, struct shmq_error *e)
{
	if (control(fd, F_OFD_SETLK, exclusive ? F_WRLCK : F_RDLCK, at, NULL) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	return fail_os(e, SHMQ_E_REFUSED, "lock: %s", no_locks);
}

/* Whether another description holds a lock of any kind on the byte. */
int is_locked(int fd, uint64_t at, struct shmq_error *e)
{
	short found = F_UNLCK;
	if (control(fd, F_OFD_GETLK, F_WRLCK, at, &found) != 0)
		return fail_os(e, SHMQ_E_REFUSED, "ask for a lock: %s", no_locks);
	return found != F_UNLCK;
}

void unlock(int fd, uint64_t at) { control(fd, F_OFD_SETLK, F_UNLCK, at, NULL); }

/* Tries for so long, with pauses from 1 to 16 ms. */
int lock_within(int fd, uint64_t at, int64_t ms, struct shmq_error *e)
{
	int64_t end = now_ms() + ms;
	for (unsigned pause = 1;; pause = pause < 16 ? 2 * pause : 16) {
		int got = try_lock(fd, at, true, e);
		if (got != 0 || now_ms() > end)
			return got;
		pause_ms(pause);
	}
}

/* Filesystems on which a mapping keeps the description that it was made through. In a stack of them, as
 * overlayfs is, it keeps one of another layer. */
bool is_pinning(uint32_t fs)
{
	static const uint32_t known[] = {TMPFS, RAMFS, HUGETLBFS, 0xef53, 0x58465342, 0x9123683e};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i] == fs)
			return true;
	return false;
}

/* Takes over fd. A page that is mapped through it keeps its locks when the descriptor is closed, so that
 * children which are forked later do not share them: they inherit descriptors, and not this mapping. */
int pin_file(struct pin *p, int fd, struct shmq_error *e)
{
	struct statfs fs;
	*p = (struct pin){.fd = fd};
	if (fstatfs(fd, &fs) != 0 || !is_pinning((uint32_t)fs.f_type))
		return 0;
	p->size = (uint32_t)fs.f_type == HUGETLBFS ? (size_t)fs.f_bsize : (size_t)sysconf(_SC_PAGESIZE);
	p->page = mmap(NULL, p->size, PROT_READ, MAP_SHARED, fd, 0);
	if (p->page == MAP_FAILED) {
		p->page = NULL;
		return fail_os(e, SHMQ_E_SYSTEM, "map");
	}
	if (madvise(p->page, p->size, MADV_DONTFORK) != 0) {
		munmap(p->page, p->size);
		p->page = NULL;
		return fail_os(e, SHMQ_E_SYSTEM, "madvise");
	}
	return 0;
}

void pin_hide(struct pin *p)
{
	if (p->page == NULL)
		return;
	close(p->fd);
	p->fd = -1;
}

void pin_release(struct pin *p, const uint64_t *at, size_t n)
{
	if (p->fd >= 0) { /* a child may share it */
		for (size_t i = 0; i < n; i++)
			unlock(p->fd, at[i]);
		close(p->fd);
	}
	if (p->page != NULL)
		munmap(p->page, p->size);
	*p = (struct pin){.fd = -1};
}
