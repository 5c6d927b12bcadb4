/*
 * A participant, as Python's objects share it: a Producer or a Consumer, its records and reservations, and the
 * blocks through which memory is looked at.
 *
 * The GIL guards all fields. A call that waits gives up the GIL with busy set; until it has it again, other
 * threads may not touch q: what they settle is put into later, and their own calls are refused.
 *
 * Functions that return a negative int, or NULL, have set a Python exception, as the C API does.
 */
#pragma once

#include <nanobind/nanobind.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "gil.h"
#include "shmq.h"

namespace nb = nanobind;

using Lease = struct shmq_lease; // there is a function of this name, too

// What becomes of a block when nothing looks at it any more.
enum class Fate { Held, Ack, Release, Abort };

enum class Leave { Close, Finish, Abandon };

struct Handle {
	shmq *q = nullptr; // NULL after it was closed
	std::string name;
	int role = 0;
	uint32_t cancel = 0; // the handle's cancel word
	bool busy = false;   // a thread is in a call, without the GIL
	bool closed = false; // by the program; q lives on while blocks are viewed
	bool forked = false; // this is a child, and the handle is its parent's
	Leave leave = Leave::Close;
	size_t viewed = 0; // blocks that are looked at
	size_t refs = 1;
	std::vector<std::pair<Lease, Fate>> later; // to be settled when busy ends
	std::mutex mutex;                               // with idle, for the thread that closes a busy handle
	std::condition_variable idle;
	struct LoopBell *bell = nullptr; // of an event loop that waits for it
	Handle *next = nullptr, *prev = nullptr; // all handles, for forks
};

struct OpenArgs {
	const char *name;
	shmq_role role;
	shmq_options options;
};

// Opens, without the GIL. NULL with an exception.
Handle *handle_open(const OpenArgs &args);
void handle_ref(Handle *h);
void handle_unref(Handle *h); // the last one closes

// Closes for the program; see Leave. A call that waits in another thread ends. At the end of the interpreter such a thread
// may not come back; then the end of the process closes.
int handle_leave(Handle *h, Leave how);

// 0 if calls are allowed now; an exception if closed, forked, or busy.
int handle_usable(Handle *h);

// Settles a lease or aborts a reservation, at once or when the handle is idle. Returns 1 if it was done, 0 if it
// was settled before, a code of the library otherwise, without an exception.
int handle_settle(Handle *h, Lease *lease, Fate fate);

// Called when a block is looked at first, and not any more.
void handle_view(Handle *h);
void handle_unview(Handle *h);

// Before the mapping goes: no event loop sleeps on its words any more. In bell.cpp.
void bell_forget(Handle *h);

// Only wait_call, and calls like it, give up the GIL.
void handle_busy(Handle *h);
void handle_idle(Handle *h);

// The exception for a code that a call on the handle returned, or for an error of functions without one.
int raise_last(Handle *h, int code);
int raise_error(const shmq_error &err);
int raise_code(int code, const std::string &text);

// Nanoseconds from a timeout argument: None or absent is SHMQ_FOREVER. -2 with an exception.
int64_t timeout_of(PyObject *timeout);

int64_t now_ns();

constexpr int64_t SLICE_NS = 100'000'000; // between two looks at signals that came just before a sleep
constexpr size_t LARGE = 256 << 10;       // bytes from which a copy is worth giving up the GIL for

/*
 * Does f(time-out) until it has done its work or the time is over. The first try is with the GIL, unless it
 * copies much; it never sleeps. A signal handler that raises ends the wait with its exception.
 * Returns what f does, or INT64_MIN with an exception.
 */
template <class F> int64_t wait_call(Handle *h, int64_t timeout, bool large, F f)
{
	int64_t rc, end = 0;
	bool first = true;
	if (!large) {
		rc = f(0);
		if (timeout == 0 || (rc != SHMQ_E_EMPTY && rc != SHMQ_E_FULL))
			return rc;
	}
	if (timeout > 0)
		end = now_ns() + timeout;
	for (;;) {
		int64_t left = timeout < 0 ? SLICE_NS : first ? timeout : end - now_ns();
		bool sliced = left > SLICE_NS || timeout < 0;
		if (!first && left < 1)
			left = 1; // to be told that the time is over, and not what there is
		first = false;
		handle_busy(h);
		rc = without_gil([&] { return int64_t(f(left > SLICE_NS ? SLICE_NS : left)); });
		handle_idle(h);
		if (rc >= 0)
			return rc;
		if (h->closed) {
			handle_usable(h);
			return INT64_MIN;
		}
		bool again = rc == SHMQ_E_INTERRUPTED || (rc == SHMQ_E_TIMEOUT && sliced);
		if (!again)
			return rc;
		if (PyErr_CheckSignals() < 0 || handle_usable(h) < 0)
			return INT64_MIN;
	}
}
