#include "handle.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * Queues in the file of a descriptor, mostly an anonymous one. The descriptor is used for nothing but to
 * find the file, and may be closed afterwards. The process that gave it shares its open file description,
 * and a lock belongs to that: so the file is opened anew, which needs /proc.
 */
static int check_descriptor(const struct place *at, bool write, struct shmq_error *e)
{
	int flags = fcntl(at->number, F_GETFL);
	struct geometry g;
	if (flags < 0)
		return fail(e, SHMQ_E_ABSENT, "this process has no descriptor %d; it has to be open when the process is started", at->number);
	if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY || (write && (flags & O_ACCMODE) != O_RDWR))
		return fail(e, SHMQ_E_PERMISSION, "descriptor %d is not open for reading%s; open it for both (3<> in a shell)", at->number, write ? " and writing" : "");
	return read_geometry(at, at->number, &g, e);
}

int open_descriptor(struct place *at, bool write, struct shmq_error *e)
{
	int fd, rc = check_descriptor(at, write, e);
	if (rc != 0)
		return rc;
	while ((fd = open(at->path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0 && errno == EINTR)
		;
	if (fd < 0 && errno == ENOENT)
		return fail_os(e, SHMQ_E_REFUSED, "a descriptor's file is opened through /proc, which is missing here; mount it, or use a queue with a name");
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return fail_os(e, SHMQ_E_PERMISSION, "open %s; its maker has to give it a mode for this user too (0666 lets all who are handed it)", at->path);
	if (fd < 0)
		return fail_os(e, SHMQ_E_SYSTEM, "open %s", at->path);
	if ((rc = identify(at, fd, e)) == 0)
		return fd;
	close(fd);
	return rc;
}
