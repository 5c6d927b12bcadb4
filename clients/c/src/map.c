#include "segment.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HUGE_SIZE = 2 << 20 };

int64_t size_of_place(const struct place *at, int fd)
{
	struct stat st;
	struct shmid_ds d;
	if (at->kind == IN_SEGMENT)
		return shmctl(at->id, IPC_STAT, &d) == 0 ? (int64_t)d.shm_segsz : -1;
	return fstat(fd, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* Whether a process can take away pages that are mapped. */
bool may_shrink(const struct place *at, int fd)
{
	int seals;
	if (at->kind == IN_SEGMENT)
		return false;
	seals = fcntl(fd, F_GET_SEALS);
	return seals < 0 || (seals & F_SEAL_SHRINK) == 0 || at->fs == HUGETLBFS;
}

/* Copies the header into private memory, and validates it there. */
int read_geometry(const struct place *at, int fd, struct geometry *g, struct shmq_error *e)
{
	uint8_t h[L_HEADER_USED] = {0};
	struct side s;
	int64_t size = size_of_place(at, fd);
	ssize_t n = sizeof h;
	if (size < 0)
		return fail_os(e, SHMQ_E_SYSTEM, "stat");
	if (at->kind == IN_SEGMENT) {
		int rc = read_side(fd, &s, e);
		if (rc != 0)
			return rc;
		memcpy(h, s.header, sizeof h);
	} else {
		while ((n = pread(fd, h, sizeof h, 0)) < 0 && errno == EINTR)
			;
		if (n < 0)
			return fail_os(e, errno == EISDIR ? SHMQ_E_NOT_QUEUE : SHMQ_E_SYSTEM, "read %s", at->path);
	}
	return decode_header(h, (size_t)n, (uint64_t)size, g, e);
}

/* Reserves addresses that start at a multiple of a huge page, so that huge pages of a file are huge in
 * the mapping too. NULL where that is of no use, or there is no room. */
static uint8_t *reserve_aligned(size_t n)
{
	uint8_t *p, *at;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), before, whole = (n + page - 1) / page * page;
	if (n < HUGE_SIZE)
		return NULL;
	p = mmap(NULL, whole + HUGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	before = (size_t)(-(uintptr_t)p & (HUGE_SIZE - 1));
	at = p + before;
	if (before > 0)
		munmap(p, before);
	if (before < HUGE_SIZE)
		munmap(at + whole, HUGE_SIZE - before);
	return at;
}

static int map_segment(const struct place *at, uint64_t size, bool write, uint8_t **base, size_t *mapped, struct shmq_error *e)
{
	struct shmid_ds d;
	void *mem = shmat(at->id, NULL, write ? 0 : SHM_RDONLY);
	if (mem == (void *)-1)
		return fail_os(e, errno == EACCES ? SHMQ_E_PERMISSION : SHMQ_E_SYSTEM, "attach segment %d", at->id);
	if (shmctl(at->id, IPC_STAT, &d) != 0 || d.shm_segsz < size) {
		shmdt(mem);
		return GONE;
	}
	if (madvise(mem, d.shm_segsz, MADV_DONTFORK) != 0) {
		shmdt(mem);
		return fail_os(e, SHMQ_E_SYSTEM, "madvise");
	}
	*base = mem;
	*mapped = d.shm_segsz;
	return 0;
}

/* A forked child does not get the mapping: it would keep its parent's locks alive. */
int map_place(const struct place *at, int fd, uint64_t size, bool write, uint8_t **base, size_t *mapped, struct shmq_error *e)
{
	uint8_t *where = NULL;
	size_t n = (size_t)size;
	void *p;
	if (at->kind == IN_SEGMENT)
		return map_segment(at, size, write, base, mapped, e);
	if (at->fs == HUGETLBFS)
		n = (n + at->block - 1) / at->block * at->block;
	else
		where = reserve_aligned(n);
	p = mmap(where, n, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED | (where ? MAP_FIXED : 0), fd, 0);
	if (p == MAP_FAILED) {
		int rc = fail_os(e, errno == ENOMEM ? SHMQ_E_NO_SPACE : SHMQ_E_REFUSED, "map %zu bytes of %s: the sandbox has to allow shared mappings, and the filesystem to have them, as /dev/shm does", n, at->path);
		if (where)
			munmap(where, n);
		return rc;
	}
	if (madvise(p, n, MADV_DONTFORK) != 0) {
		int rc = fail_os(e, SHMQ_E_SYSTEM, "madvise");
		munmap(p, n);
		return rc;
	}
	*base = p;
	*mapped = n;
	return 0;
}

int unmap_place(uint8_t *base, size_t mapped)
{
	int rc = munmap(base, mapped);
	if (rc != 0 && errno == EINVAL) /* a segment in huge pages whose size is not a multiple of theirs */
		rc = shmdt(base);
	return rc;
}

/* Replaces a mapping by private zero pages. Safe in signal handlers. */
int blank(uint8_t *base, size_t mapped)
{
	void *p = mmap(base, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED && errno == EINVAL)
		p = mmap(base, (mapped + HUGE_SIZE - 1) / HUGE_SIZE * HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return p == MAP_FAILED ? -1 : 0;
}
