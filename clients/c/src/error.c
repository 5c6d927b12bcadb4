#include "handle.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The codes, in their order: name, text, and what can be done about it where that is always the same. */
static const struct {
	const char *name, *text, *remedy;
} codes[] = {
	{"ok", "no error", NULL},
	{"empty", "queue is empty", "wait, or send something"},
	{"full", "queue is full", "wait, or receive faster"},
	{"timeout", "the time is over", NULL},
	{"cancelled", "the wait was cancelled", NULL},
	{"interrupted", "a signal interrupted the wait", NULL},
	{"end", "end of the stream", NULL},
	{"broken", "the stream was broken off", "what was sent was received, but a producer died, gave up or left without marking the end"},
	{"small", "the buffer is too small for the record", "receive it with a larger one, or lease it"},
	{"large", "record is too large", "make a queue with larger or more slots (shmq create --slot-size, --slots)"},
	{"reserved", "a reservation is open", "commit or abort it first"},
	{"not-reserved", "no such reservation", NULL},
	{"misuse", "a pointer is NULL, or the handle is of another role", NULL},
	{"forked", "the handle is that of the parent process", "open one in the child"},
	{"name", "bad queue name", NULL},
	{"option", "bad option", NULL},
	{"damaged", "queue is damaged", "remove it by force and make it again; to see what is wrong, run: shmq check"},
	{"removed", "queue was removed", "open it again, to make it anew or to join the one that has its name by now"},
	{"truncated", "queue is damaged: its file was cut shorter, or overwritten", "remove it by force and make it again"},
	{"space", "not enough space", "make room where it lives, or raise the limit on memory"},
	{"not-queue", "not a shmq queue", "choose another name, or move that file away"},
	{"layout", "incompatible layout version", "use the release that made the queue, or remove it by force"},
	{"rebuild", "the queue was in use when the machine stopped", "run: shmq recover"},
	{"absent", "no such queue", "start a participant that may create it, or run: shmq create"},
	{"exists", "queue exists", "open it as it is, or remove it first"},
	{"role", "role is taken", NULL},
	{"seat", "no seat is left", "close some participants, or make a queue with more seats"},
	{"in-use", "queue is in use", NULL},
	{"permission", "permission denied", "ask its owner for a queue with group access (mode 0660)"},
	{"refused", "the system refuses it", NULL},
	{"sync", "not on stable storage", "look after the disk, then run: shmq sync"},
	{"system", "a system call failed", NULL},
	{"lagged", "lagged behind: records were overwritten", NULL},
};

enum { CODES = sizeof codes / sizeof codes[0] };

const char *shmq_strerror(int code)
{
	return code <= 0 && -code < CODES ? codes[-code].text : "unknown code";
}

const char *shmq_code_name(int code)
{
	return code <= 0 && -code < CODES ? codes[-code].name : "unknown";
}

const char *shmq_version(void) { return "0.1.0"; }

static int fail_with(struct shmq_error *e, int code, int os, const char *format, va_list ap)
{
	size_t used;
	if (e == NULL) /* nobody asks */
		return code;
	e->code = code;
	e->os = os;
	snprintf(e->text, sizeof e->text, "%s", shmq_strerror(code));
	if (format == NULL)
		return code;
	used = strlen(e->text);
	snprintf(e->text + used, sizeof e->text - used, ": ");
	used = strlen(e->text);
	vsnprintf(e->text + used, sizeof e->text - used, format, ap);
	return code;
}

/* Notes a failure, unless e is NULL: what kind it is, and, unless format is NULL, what happened and what to do. */
int fail(struct shmq_error *e, int code, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fail_with(e, code, 0, format, ap);
	va_end(ap);
	return code;
}

/* The same for a system call that has set errno, whose text is added. */
int fail_os(struct shmq_error *e, int code, const char *format, ...)
{
	int os = errno;
	char why[96];
	va_list ap;
	size_t used;
	va_start(ap, format);
	fail_with(e, code, os, format, ap);
	va_end(ap);
	if (e == NULL)
		return code;
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
	snprintf(why, sizeof why, "%s", strerror_r(os, why, sizeof why));
#else
	if (strerror_r(os, why, sizeof why) != 0)
		snprintf(why, sizeof why, "errno %d", os);
#endif
	used = strlen(e->text);
	snprintf(e->text + used, sizeof e->text - used, ": %s", why);
	errno = os;
	return code;
}

void no_failure(struct shmq_error *e)
{
	if (e == NULL)
		return;
	e->code = e->os = 0;
	e->text[0] = 0;
}

/* Puts the operation and the queue in front of the text of a failure, and a remedy behind it. Returns code. */
int in_op(struct shmq_error *e, const char *op, const char *name, int code)
{
	char text[sizeof e->text];
	const char *remedy;
	int n, room;
	if (code >= 0 || e == NULL)
		return code;
	remedy = codes[-code].remedy;
	snprintf(text, sizeof text, "%s", e->text);
	e->code = code;
	n = snprintf(e->text, sizeof e->text, "shmq: %s queue \"%.250s\": ", op, name ? name : "");
	for (char *c = e->text; *c != 0; c++)
		if ((unsigned char)*c < ' ' || *c == 127) /* of a name that is refused */
			*c = '?';
	room = (int)sizeof e->text - 1 - n - (remedy ? 2 + (int)strlen(remedy) : 0);
	snprintf(e->text + n, sizeof e->text - (size_t)n, "%.*s%s%s", room, text, remedy ? "; " : "", remedy ? remedy : "");
	return code;
}

/* Notes the code of a call on a handle. The text is made when it is asked for. */
int failed(shmq *q, int code)
{
	q->err.code = code;
	q->err.os = 0;
	q->err.text[0] = 0;
	return code;
}

static void tell(shmq *q)
{
	struct shmq_error *e = &q->err;
	int code = e->code;
	switch (code) {
	case SHMQ_E_TOO_LARGE:
		fail(e, code, "the limit of this queue is %llu bytes", (unsigned long long)max_record(&q->r));
		break;
	case SHMQ_E_OPTION: /* of shmq_lease alone */
		fail(e, code, "its producers wait for no lease; receive copies, or use a queue without SHMQ_SKIP (--slow skip)");
		break;
	case SHMQ_E_LAGGED:
		fail(e, code, "positions %llu to %llu are lost, and the next call goes on behind them; receive faster, or have producers wait (a queue without SHMQ_SKIP)",
		     (unsigned long long)q->lost_from, (unsigned long long)q->lost_to);
		break;
	case SHMQ_E_SMALL:
		fail(e, code, "it has %llu bytes", (unsigned long long)q->pending.size);
		break;
	default:
		fail(e, code, NULL);
	}
	in_op(e, q->role == SHMQ_PRODUCER ? "send to" : "receive from", q->name, code);
}

const struct shmq_error *shmq_last_error(shmq *q)
{
	static const struct shmq_error misuse = {SHMQ_E_MISUSE, 0, "shmq: the handle is NULL: shmq_open has failed, or it is closed"};
	static const struct shmq_error forked = {SHMQ_E_FORKED, 0, "shmq: the handle is that of the parent process; open one in the child"};
	if (q == NULL)
		return &misuse;
	if (q->magic != MAGIC)
		return &forked;
	if (q->err.code != 0 && q->err.text[0] == 0)
		tell(q);
	return &q->err;
}
