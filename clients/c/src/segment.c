#include "segment.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A queue in a System V segment: the side file gives it its name, says which segment it is, and carries
 * the locks. */

int read_side(int fd, struct side *s, struct shmq_error *e)
{
	uint8_t b[L_SIDE_SIZE];
	uint32_t version = 0, crc = 0;
	ssize_t n = pread(fd, b, sizeof b, 0);
	memset(s, 0, sizeof *s);
	if (n < 12 || memcmp(b, L_SIDE_MAGIC, 8) != 0)
		return fail(e, SHMQ_E_NOT_QUEUE, "it is no side file of a segment");
	memcpy(&version, b + L_OFF_SIDE_VERSION, 4);
	if (version != L_SIDE_VERSION)
		return fail(e, SHMQ_E_LAYOUT, "the side file has version %u, this library speaks version %d", version, L_SIDE_VERSION);
	memcpy(&crc, b + L_OFF_SIDE_CRC, 4);
	if (n < (ssize_t)sizeof b || crc != crc32c(0, b, L_OFF_SIDE_CRC))
		return fail(e, SHMQ_E_DAMAGED, "the side file's checksum is wrong");
	memcpy(&s->state, b + L_OFF_SIDE_STATE, 4);
	memcpy(&s->flags, b + L_OFF_SIDE_FLAGS, 4);
	memcpy(&s->id, b + L_OFF_SIDE_ID, 4);
	memcpy(&s->key, b + L_OFF_SIDE_KEY, 4);
	memcpy(&s->pid, b + L_OFF_SIDE_PID, 4);
	memcpy(&s->space, b + L_OFF_SIDE_NAMESPACE, 8);
	memcpy(s->header, b + L_OFF_SIDE_HEADER, sizeof s->header);
	if (s->state < L_SIDE_MAKING || s->state > L_SIDE_REMOVING || s->id < -1 || (s->id == -1 && s->state == L_SIDE_READY))
		return fail(e, SHMQ_E_DAMAGED, "the side file says state %u, segment %d", s->state, s->id);
	return 0;
}

int write_side(int fd, const struct side *s)
{
	uint8_t b[L_SIDE_SIZE] = {0};
	uint32_t version = L_SIDE_VERSION, crc;
	memcpy(b, L_SIDE_MAGIC, 8);
	memcpy(b + L_OFF_SIDE_VERSION, &version, 4);
	memcpy(b + L_OFF_SIDE_STATE, &s->state, 4);
	memcpy(b + L_OFF_SIDE_FLAGS, &s->flags, 4);
	memcpy(b + L_OFF_SIDE_ID, &s->id, 4);
	memcpy(b + L_OFF_SIDE_KEY, &s->key, 4);
	memcpy(b + L_OFF_SIDE_PID, &s->pid, 4);
	memcpy(b + L_OFF_SIDE_NAMESPACE, &s->space, 8);
	memcpy(b + L_OFF_SIDE_HEADER, s->header, sizeof s->header);
	crc = crc32c(0, b, L_OFF_SIDE_CRC);
	memcpy(b + L_OFF_SIDE_CRC, &crc, 4);
	return write_at(fd, b, sizeof b, 0);
}

uint64_t ipc_namespace(void)
{
	struct stat st;
	return stat("/proc/self/ns/ipc", &st) == 0 ? st.st_ino : 0;
}

bool has_segment(int id)
{
	struct shmid_ds d;
	return shmctl(id, IPC_STAT, &d) == 0 ? (d.shm_perm.mode & SHM_DESTROYED) == 0 : errno != EINVAL && errno != EIDRM;
}

/* Whether the segment is, as far as can be told, in the IPC namespace of this process. */
bool is_here(const struct side *s)
{
	uint64_t mine = ipc_namespace();
	return s->space == mine || s->space == 0 || mine == 0;
}

bool is_side_of(const struct place *at, const struct side *s)
{
	return s->key == at->key && (at->key != 0 || s->id < 0 || s->id == at->id || at->id < 0);
}

static int not_ready(int fd, const struct side *s, struct shmq_error *e)
{
	const char *what = s->state == L_SIDE_REMOVING ? "removed" : "made";
	int busy = is_locked(fd, L_LOCK_SIDE, e);
	if (busy < 0)
		return busy;
	if (busy)
		return fail(e, SHMQ_E_ABSENT, "it is being %s just now", what);
	return fail(e, SHMQ_E_ABSENT, "left unfinished: the process that was in the middle of having it %s has ended; run: shmq rm", what);
}

/* Checks that the segment of a side file is there, and is the queue that the side file belongs to. */
static int join_segment(struct place *at, int fd, const struct side *s, bool write, struct shmq_error *e)
{
	struct shmid_ds d;
	void *mem;
	bool same;
	if (!is_side_of(at, s))
		return fail(e, SHMQ_E_DAMAGED, "%s is the side file of segment %d, key %#x", at->path, s->id, s->key);
	if (s->state != L_SIDE_READY)
		return not_ready(fd, s, e);
	if (!is_here(s))
		return fail(e, SHMQ_E_REFUSED, "segment %d is in another IPC namespace than this process; run this in the container that made the queue, or give both one namespace", s->id);
	if (shmctl(s->id, IPC_STAT, &d) != 0) {
		if (errno == EINVAL || errno == EIDRM)
			return fail(e, SHMQ_E_REMOVED, "segment %d, key %#x, is gone (ipcrm, or a restart); clean up with: shmq rm", s->id, s->key);
		return fail_os(e, errno == EACCES ? SHMQ_E_PERMISSION : SHMQ_E_SYSTEM, "stat segment %d", s->id);
	}
	if (d.shm_perm.mode & SHM_DESTROYED || (uint32_t)d.shm_perm.__key != s->key)
		return fail(e, SHMQ_E_REMOVED, "segment %d, key %#x, is gone (ipcrm, or a restart); clean up with: shmq rm", s->id, s->key);
	if (d.shm_segsz < L_HEADER_SIZE)
		return fail(e, SHMQ_E_DAMAGED, "segment %d is shorter than a header", s->id);
	if ((mem = shmat(s->id, NULL, write ? 0 : SHM_RDONLY)) == (void *)-1)
		return fail_os(e, errno == EACCES ? SHMQ_E_PERMISSION : SHMQ_E_SYSTEM, "attach segment %d", s->id);
	same = memcmp(mem, s->header, sizeof s->header) == 0;
	shmdt(mem);
	if (!same)
		return fail(e, SHMQ_E_DAMAGED, "the header in segment %d, key %#x, is not the queue's any more", s->id, s->key);
	at->id = s->id;
	return 0;
}

/* With the lock of those that may write to the segment, nobody wipes it before fd is closed. */
int open_segment(struct place *at, bool write, struct shmq_error *e)
{
	for (int tries = 0; tries < 100; tries++) {
		struct side s, now;
		int rc = 1, fd = open_file(at, write, e);
		if (fd < 0)
			return fd;
		if (write && (rc = try_lock(fd, L_LOCK_SEGMENT, false, e)) == 0)
			rc = fail(e, SHMQ_E_ABSENT, "it is being removed just now");
		if (rc > 0 && (rc = read_side(fd, &s, e)) == 0 && (rc = join_segment(at, fd, &s, write, e)) == 0)
			return fd;
		/* Another process may have been writing or removing the side file just then. */
		if (names_place(at, fd) != 0 && (read_side(fd, &now, NULL) != 0 || memcmp(&now, &s, sizeof s) == 0)) {
			close(fd);
			return rc;
		}
		close(fd);
	}
	return fail(e, SHMQ_E_IN_USE, "its side file changes all the time");
}
