#include "handle.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

/* From a name to its place. */

static const char prefix[] = "shmq.";

static int bad(struct shmq_error *e, const char *why) { return fail(e, SHMQ_E_NAME, "%s", why); }

/* The length of the UTF-8 sequence at s, of at most n bytes, or 0 if it is none, or a control character. */
static size_t rune_length(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	if (len == 0 || len > n || s[0] < 0x20 || s[0] == 0x7f)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((len == 2 && s[0] == 0xc2 && s[1] < 0xa0) || /* C1 controls */
	    (len == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0))) || /* too long, surrogates */
	    (len == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))))
		return 0;
	return len;
}

static bool is_clean(const char *name)
{
	size_t n = strlen(name), len;
	for (size_t i = 0; i < n; i += len)
		if ((len = rune_length((const unsigned char *)name + i, n - i)) == 0)
			return false;
	return true;
}

static bool steps_out(const char *path)
{
	for (const char *s = path; s != NULL; s = strchr(s, '/')) {
		s += *s == '/';
		if (strncmp(s, "..", 2) == 0 && (s[2] == '/' || s[2] == 0))
			return true;
	}
	return false;
}

static int number(const char *text, int base, unsigned long most_of, unsigned long *to)
{
	char *end;
	if (!isxdigit((unsigned char)text[0]) || (base == 16 && (text[1] == 'x' || text[1] == 'X')))
		return -1;
	errno = 0;
	*to = strtoul(text, &end, base);
	return *end != 0 || errno != 0 || *to > most_of ? -1 : 0;
}

/* sysv:KEY and sysv:id:ID. A segment that has a key is known by it even if it is named by its id: two side files
 * would be two sets of locks. */
static int parse_segment(struct place *at, const char *text, struct shmq_error *e)
{
	unsigned long n;
	at->kind = IN_SEGMENT;
	at->id = -1;
	if (strncmp(text, "id:", 3) == 0) {
		struct shmid_ds d;
		if (number(text + 3, 10, INT_MAX, &n) != 0)
			return bad(e, "sysv:id: wants the number that ipcs -m prints, 0 to 2147483647");
		at->id = (int)n;
		if (shmctl(at->id, IPC_STAT, &d) == 0 && d.shm_perm.__key != 0)
			at->key = (uint32_t)d.shm_perm.__key;
		return 0;
	}
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	if (number(hex ? text + 2 : text, hex ? 16 : 10, UINT32_MAX, &n) != 0)
		return bad(e, "sysv: wants a key, decimal or 0x and hexadecimal, 1 to 0xffffffff, or id: and the id of a segment; a file of such a name needs a path, with a slash");
	if (n == 0)
		return bad(e, "key 0 is IPC_PRIVATE, which finds nothing; use sysv:id: and the id of the segment");
	at->key = (uint32_t)n;
	return 0;
}

static int in_dir(struct place *at, const char *file, struct shmq_error *e)
{
	const char *dir = getenv("SHMQ_DIR");
	char here[PATH_MAX] = "";
	int n;
	if (dir == NULL || dir[0] == 0)
		dir = "/dev/shm";
	if (dir[0] != '/' && getcwd(here, sizeof here - 1) != NULL)
		strcat(here, "/");
	n = snprintf(at->path, sizeof at->path, "%s%s/%s%s", here, dir, prefix, file);
	return n > 0 && (size_t)n < sizeof at->path ? 0 : bad(e, "the path is too long");
}

static int segment_path(struct place *at, struct shmq_error *e)
{
	char file[64];
	if (at->key != 0)
		snprintf(file, sizeof file, "sysv:%#x", at->key);
	else
		snprintf(file, sizeof file, "sysv:id:%d", at->id);
	return in_dir(at, file, e);
}

static int by_path(struct place *at, const char *name, struct shmq_error *e)
{
	char here[PATH_MAX] = "";
	const char *last = strrchr(name, '/') + 1;
	int n;
	if (steps_out(name))
		return bad(e, "it steps out of a directory with \"..\"; give the path without");
	if (*last == 0)
		return bad(e, "it ends in a slash; a path has to name a file");
	if (name[0] != '/' && getcwd(here, sizeof here - 1) != NULL)
		strcat(here, "/");
	if (strncmp(last, "shmq.sysv:", 10) == 0) { /* a side file: no queue in a file is called so */
		struct place segment = {0};
		struct shmq_error unused;
		if (parse_segment(&segment, last + 10, &unused) == 0)
			at->kind = IN_SEGMENT, at->key = segment.key, at->id = segment.id;
	}
	at->follow = at->kind == IN_FILE;
	n = snprintf(at->path, sizeof at->path, "%s%s", here, name);
	return n > 0 && (size_t)n < sizeof at->path ? 0 : bad(e, "the path is too long");
}

int find_place(struct place *at, const char *name, struct shmq_error *e)
{
	unsigned long n;
	*at = (struct place){.number = -1, .id = -1};
	if (name == NULL || name[0] == 0)
		return bad(e, "it is empty");
	if (strncmp(name, "fd:", 3) == 0 && strchr(name, '/') == NULL) {
		if (number(name + 3, 10, INT_MAX, &n) != 0)
			return bad(e, "want fd: and the number of an open descriptor, or a path for a file of that name");
		at->kind = IN_DESCRIPTOR;
		at->number = (int)n;
		snprintf(at->path, sizeof at->path, "/proc/self/fd/%d", at->number);
		return 0;
	}
	if (!is_clean(name))
		return bad(e, "it holds control characters or is not UTF-8");
	if (strchr(name, '/') != NULL)
		return by_path(at, name, e);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return bad(e, "it is a directory");
	if (strlen(name) > 255 - (sizeof prefix - 1))
		return bad(e, "it has more than 250 bytes");
	if (strncmp(name, "sysv:", 5) == 0) {
		int rc = parse_segment(at, name + 5, e);
		return rc != 0 ? rc : segment_path(at, e);
	}
	return in_dir(at, name, e);
}

int open_place(struct place *at, bool write, struct shmq_error *e)
{
	switch (at->kind) {
	case IN_DESCRIPTOR:
		return open_descriptor(at, write, e);
	case IN_SEGMENT:
		return open_segment(at, write, e);
	default:
		return open_file(at, write, e);
	}
}

int shmq_path(const char *name, char *path, size_t cap, struct shmq_error *e)
{
	struct place at;
	size_t n;
	int rc = find_place(&at, name, e);
	if (rc != 0)
		return in_op(e, "find", name, rc);
	n = strlen(at.path);
	if (path == NULL || n >= cap)
		return in_op(e, "find", name, fail(e, SHMQ_E_SMALL, "its path has %zu bytes", n));
	memcpy(path, at.path, n + 1);
	return (int)n;
}
