#include "handle.h"
#include <errno.h>
#include <unistd.h>

/*
 * One who removes a queue takes the gate where there is one, both roles exclusively, and then the lock of the
 * name, which it holds from looking whether the name means this file until the name is gone; by force it
 * takes the last one alone.
 */
enum { TRIES = 100 };

int remove_segment(struct place *at, int fd, bool force, struct shmq_error *e);

static int lock_all(int fd, bool sums, struct shmq_error *e)
{
	int got = sums ? lock_within(fd, L_LOCK_IMAGE, 60000, e) : 1;
	for (int tries = 0; got == 1 && tries <= TRIES; tries++) {
		if ((got = try_lock(fd, L_LOCK_PRODUCER, true, e)) == 1 && (got = try_lock(fd, L_LOCK_CONSUMER, true, e)) == 1)
			return 0;
		if (got < 0)
			return got;
		unlock(fd, L_LOCK_PRODUCER);
		pause_ms(1); /* one may be about to leave */
		got = 1;
	}
	return got < 0 ? got : fail(e, SHMQ_E_IN_USE, "end its participants first, or remove it by force");
}

static int remove_name(struct place *at, int fd, bool force, struct shmq_error *e)
{
	int got;
	for (int tries = 0; (got = try_lock(fd, L_LOCK_NAME, true, e)) == 0 && tries < TRIES; tries++)
		pause_ms(1);
	if (got != 1)
		return got < 0 ? got : fail(e, SHMQ_E_IN_USE, "by another process that is removing it");
	if (names_place(at, fd) != 1)
		return fail(e, SHMQ_E_ABSENT, "another process removed it meanwhile");
	if (at->kind == IN_SEGMENT)
		return remove_segment(at, fd, force, e);
	if (unlink(at->path) == 0)
		return 0;
	return fail_os(e, errno == EACCES || errno == EPERM || errno == EROFS ? SHMQ_E_PERMISSION : SHMQ_E_SYSTEM, "unlink %s", at->path);
}

int shmq_remove(const char *name, int force, struct shmq_error *e)
{
	struct place at;
	struct geometry g = {0};
	int fd, rc = find_place(&at, name, e);
	if (rc == 0 && at.kind == IN_DESCRIPTOR)
		rc = fail(e, SHMQ_E_NAME, "a descriptor has no name to remove; the queue goes when its last user ends or closes it");
	if (rc != 0)
		return in_op(e, "remove", name, rc);
	fd = at.kind == IN_SEGMENT ? open_file(&at, true, e) : open_place(&at, true, e);
	if (fd < 0)
		return in_op(e, "remove", name, fd);
	if (at.kind != IN_SEGMENT)
		rc = read_geometry(&at, fd, &g, e);
	if (rc == SHMQ_E_NOT_QUEUE || (rc != 0 && !force)) {
		close(fd);
		return in_op(e, "remove", name, rc);
	}
	rc = force ? 0 : lock_all(fd, g.flags & L_FLAG_CHECKSUM, e);
	if (rc == 0)
		rc = remove_name(&at, fd, force, e);
	close(fd);
	return in_op(e, "remove", name, rc);
}
