#include "segment.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Making and removing queues in segments. A maker links the side file in state MAKING and locked, makes the
 * segment and notes its id, notes the header, writes the header to the segment, and then says READY. A side file in
 * state MAKING or REMOVING whose lock is free was left by a dead one: the next maker or remover undoes it.
 */
enum { SIDE_PATIENCE = 10000 };

static int lock_side(int fd, struct shmq_error *e)
{
	int got = lock_within(fd, L_LOCK_SIDE, SIDE_PATIENCE, e);
	return got == 1 ? 0 : got < 0 ? got : fail(e, SHMQ_E_IN_USE, "a process has been making or removing it for long; let that go on, or end it");
}

static bool stat_segment(int id, struct shmid_ds *d)
{
	return shmctl(id, IPC_STAT, d) == 0 && (d->shm_perm.mode & SHM_DESTROYED) == 0;
}

/* Zeroes what a queue took of another program's segment, the header last. Where anything else than the header, or a
 * part of it, is in its place, nothing is touched. */
static int wipe(const struct side *s, size_t size)
{
	struct geometry g;
	uint8_t *mem = shmat(s->id, NULL, 0);
	bool whole = true, ours = size >= L_HEADER_SIZE;
	if (mem == (void *)-1)
		return -1;
	for (size_t i = 0; ours && i < sizeof s->header; i++) {
		ours = mem[i] == s->header[i] || mem[i] == 0;
		whole = whole && mem[i] == s->header[i];
	}
	if (ours && whole && s->state == L_SIDE_REMOVING && decode_header(s->header, sizeof s->header, size, &g, NULL) == 0)
		memset(mem + L_SIDE_HEADER_SIZE, 0, g.total - L_SIDE_HEADER_SIZE);
	if (ours)
		memset(mem, 0, L_SIDE_HEADER_SIZE);
	return shmdt(mem);
}

/* The segment that a dead maker may have made and not noted. */
static int unnoted(const struct place *at, const struct side *s)
{
	struct shmid_ds d;
	int id;
	if (!(s->flags & L_FLAG_SIDE_FRESH) || at->key == 0 || (id = shmget((key_t)at->key, 0, 0)) < 0)
		return -1;
	return stat_segment(id, &d) && d.shm_atime == 0 && (uint32_t)d.shm_cpid == s->pid ? id : -1;
}

/* Removes what there is of a queue that no participant can be attached to, the side file last. Any user can write
 * a claim in a side file, but not in the name of the segment's creator. */
static int clear(const struct place *at, int fd, const struct side *s, struct shmq_error *e)
{
	struct shmid_ds d;
	struct stat st;
	struct side known = *s;
	if (fstat(fd, &st) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "stat");
	if (known.id < 0 && (known.id = unnoted(at, s)) >= 0)
		known.flags |= L_FLAG_SIDE_OWN;
	if (known.id >= 0 && is_here(s) && is_side_of(at, s) && stat_segment(known.id, &d) && (uint32_t)d.shm_perm.__key == s->key) {
		static const uint8_t none[L_SIDE_HEADER_SIZE];
		if (known.flags & L_FLAG_SIDE_OWN) {
			if (d.shm_perm.cuid == st.st_uid && shmctl(known.id, IPC_RMID, NULL) != 0)
				return fail_os(e, SHMQ_E_PERMISSION, "remove segment %d", known.id);
		} else if (memcmp(known.header, none, sizeof none) != 0 && wipe(&known, d.shm_segsz) != 0) {
			return fail_os(e, SHMQ_E_SYSTEM, "wipe segment %d", known.id);
		}
	}
	return unlink(at->path) == 0 || errno == ENOENT ? 0 : fail_os(e, SHMQ_E_SYSTEM, "unlink %s", at->path);
}

/* Takes away what a dead maker or remover left; EXISTS where there is a queue. */
static int clear_leftover(const struct place *at, struct shmq_error *e)
{
	struct side s;
	int rc, fd = open(at->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_os(e, errno == EACCES ? SHMQ_E_PERMISSION : SHMQ_E_SYSTEM, "open %s", at->path);
	if ((rc = lock_side(fd, e)) == 0 && (rc = read_side(fd, &s, e)) == 0)
		rc = s.state == L_SIDE_READY ? fail(e, SHMQ_E_EXISTS, "%s", at->path) : clear(at, fd, &s, e);
	unlock(fd, L_LOCK_SIDE);
	close(fd);
	return rc;
}

static int make_side(const struct place *at, uint32_t mode, const struct side *s, struct shmq_error *e)
{
	char from[40];
	char dir[sizeof at->path];
	int fd, rc;
	memcpy(dir, at->path, sizeof dir);
	*strrchr(dir, '/') = 0;
	if ((fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) < 0)
		return fail_os(e, errno == EACCES ? SHMQ_E_PERMISSION : SHMQ_E_SYSTEM, "create a file in %s", dir);
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	if (fchmod(fd, (mode_t)mode) != 0 || write_side(fd, s) != 0) {
		rc = fail_os(e, errno == ENOSPC ? SHMQ_E_NO_SPACE : SHMQ_E_SYSTEM, "write %s", at->path);
	} else if (try_lock(fd, L_LOCK_SIDE, true, e) != 1) {
		rc = SHMQ_E_REFUSED;
	} else if (linkat(AT_FDCWD, from, AT_FDCWD, at->path, AT_SYMLINK_FOLLOW) != 0) {
		rc = fail_os(e, errno == EEXIST ? SHMQ_E_EXISTS : SHMQ_E_SYSTEM, "link %s", at->path);
	} else {
		return fd;
	}
	close(fd);
	return rc;
}

/* Makes the segment, or takes one that another program made, if all bytes that the queue takes are zero. */
static int get_segment(struct place *at, const struct geometry *g, uint32_t mode, struct side *s, struct shmq_error *e)
{
	struct shmid_ds d;
	const uint8_t *mem;
	uint64_t dirty = 0;
	if (at->key != 0 && (s->id = shmget((key_t)at->key, g->total, IPC_CREAT | IPC_EXCL | (int)mode)) >= 0) {
		s->flags |= L_FLAG_SIDE_OWN;
		return 0;
	}
	if (at->key != 0 && errno != EEXIST)
		return fail_os(e, errno == ENOMEM || errno == ENOSPC ? SHMQ_E_NO_SPACE : SHMQ_E_REFUSED, "make a segment of %llu bytes (kernel.shmmax, kernel.shmall, kernel.shmmni)", (unsigned long long)g->total);
	s->id = at->key != 0 ? shmget((key_t)at->key, 0, 0) : at->id;
	if (s->id < 0 || !stat_segment(s->id, &d))
		return fail(e, SHMQ_E_ABSENT, "no such segment; make it first (ipcmk -M)");
	if (d.shm_segsz < g->total)
		return fail(e, SHMQ_E_OPTION, "the queue takes %llu bytes, segment %d has %zu", (unsigned long long)g->total, s->id, d.shm_segsz);
	mem = shmat(s->id, NULL, SHM_RDONLY);
	if (mem == (const void *)-1)
		return fail_os(e, SHMQ_E_PERMISSION, "attach segment %d", s->id);
	for (uint64_t i = 0; i < g->total; i++)
		dirty |= mem[i];
	shmdt(mem);
	return dirty == 0 ? 0 : fail(e, SHMQ_E_EXISTS, "segment %d is not all zero: it belongs to another program", s->id);
}

static int fill_segment(int fd, const struct geometry *g, struct side *s, struct shmq_error *e)
{
	uint8_t *mem;
	int rc;
	if (write_side(fd, s) != 0 || (rc = encode_header(g, s->header, e)) != 0 || write_side(fd, s) != 0)
		return fail_os(e, SHMQ_E_SYSTEM, "write the side file");
	if ((mem = shmat(s->id, NULL, 0)) == (void *)-1)
		return fail_os(e, SHMQ_E_PERMISSION, "attach segment %d", s->id);
	memcpy(mem, s->header, sizeof s->header);
	shmdt(mem);
	s->state = L_SIDE_READY;
	return write_side(fd, s) == 0 ? 0 : fail_os(e, SHMQ_E_SYSTEM, "write the side file");
}

int create_segment(struct place *at, const struct geometry *g, uint32_t mode, struct shmq_error *e);

int create_segment(struct place *at, const struct geometry *g, uint32_t mode, struct shmq_error *e)
{
	struct side s = {.state = L_SIDE_MAKING, .id = -1, .key = at->key, .pid = (uint32_t)getpid(), .space = ipc_namespace()};
	int fd, rc = clear_leftover(at, e);
	if (rc != 0)
		return rc;
	if (at->key != 0 && shmget((key_t)at->key, 0, 0) < 0 && errno == ENOENT)
		s.flags |= L_FLAG_SIDE_FRESH;
	if ((fd = make_side(at, mode, &s, e)) < 0)
		return fd;
	if ((rc = get_segment(at, g, mode, &s, e)) == 0)
		rc = fill_segment(fd, g, &s, e);
	if (rc != 0) {
		clear(at, fd, &s, NULL);
	}
	unlock(fd, L_LOCK_SIDE);
	close(fd);
	return rc;
}

int remove_segment(struct place *at, int fd, bool force, struct shmq_error *e);

/* fd has the roles' locks, or it is by force. Another program's segment is wiped, so nobody may be attached. */
int remove_segment(struct place *at, int fd, bool force, struct shmq_error *e)
{
	struct side s;
	int rc = lock_side(fd, e), got;
	(void)force;
	if (rc != 0 || (rc = read_side(fd, &s, e)) != 0)
		return rc;
	if (!(s.flags & L_FLAG_SIDE_OWN) && s.state == L_SIDE_READY) {
		if ((got = try_lock(fd, L_LOCK_SEGMENT, true, e)) != 1)
			return got < 0 ? got : fail(e, SHMQ_E_IN_USE, "in a segment that another program made; end those attached first");
		s.state = L_SIDE_REMOVING;
		if (write_side(fd, &s) != 0)
			return fail_os(e, SHMQ_E_SYSTEM, "write the side file");
	}
	return clear(at, fd, &s, e);
}
