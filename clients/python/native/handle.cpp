#include "handle.h"

#include <chrono>
#include <ctime>

#include "errors.h"
#include "forks.h"

int64_t now_ns()
{
	timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

Handle *handle_open(const OpenArgs &args)
{
	Handle *h = new Handle;
	shmq_options options = args.options;
	shmq_error err;
	h->name = args.name;
	h->role = args.role;
	options.cancel = &h->cancel;
	options.flags |= SHMQ_INTERRUPTIBLE;
	int rc = without_gil([&] { return shmq_open(&h->q, h->name.c_str(), args.role, &options, &err); });
	if (rc < 0) {
		delete h;
		raise_error(err);
		return nullptr;
	}
	forks_add(h);
	return h;
}

void handle_ref(Handle *h) { h->refs++; }

// Leaves the queue. Leases that are open, and a reservation, are the library's to give back.
static int shut(Handle *h, shmq_error *err)
{
	shmq *q = h->q;
	err->code = 0;
	h->q = nullptr; // from here on, also for other threads, which run already while the bell forgets it
	bell_forget(h);
	forks_remove(h);
	if (q == nullptr)
		return 0;
	auto leave = h->leave == Leave::Finish ? shmq_finish : h->leave == Leave::Abandon ? shmq_abandon : shmq_close;
	return without_gil([&] { return leave(q, err); });
}

void handle_unref(Handle *h)
{
	shmq_error err;
	if (--h->refs > 0)
		return;
	h->closed = true;
	h->refs++; // shut lets other threads run
	shut(h, &err);
	delete h;
}

// False if the thread that is in a call of the handle can't come back.
static bool await_idle(Handle *h)
{
	std::unique_lock<std::mutex> lock(h->mutex);
	while (!h->idle.wait_for(lock, std::chrono::nanoseconds(SLICE_NS), [h] { return !h->busy; }))
		if (finalizing())
			return false;
	return true;
}

int handle_leave(Handle *h, Leave how)
{
	shmq_error err;
	int rc;
	if (h->closed)
		return how == Leave::Close ? 0 : raise_code(SHMQ_PY_CLOSED, closed_text(h));
	h->closed = true;
	h->leave = h->forked ? Leave::Close : how;
	handle_ref(h);
	if (h->busy && !h->forked) {
		shmq_cancel(&h->cancel);
		if (!without_gil([h] { return await_idle(h); }))
			return 0;
	}
	if (h->viewed > 0 && !h->forked) {
		rc = or_stop([h] {
			return PyErr_WarnFormat(PyExc_ResourceWarning, 1,
						"shmq: queue \"%s\": closed while %zu of its records or reservations are viewed by a "
						"memoryview or an array; it is left when they are gone", h->name.c_str(), h->viewed);
		});
	} else {
		rc = shut(h, &err);
		if (rc < 0)
			rc = raise_error(err);
		else if (h->forked && how != Leave::Close)
			rc = raise_code(SHMQ_E_FORKED, forked_text(h));
	}
	handle_unref(h);
	return rc;
}

int handle_usable(Handle *h)
{
	if (h == nullptr)
		return raise_code(SHMQ_PY_CLOSED, "shmq: it was not opened");
	if (h->forked)
		return raise_code(SHMQ_E_FORKED, forked_text(h));
	if (h->closed)
		return raise_code(SHMQ_PY_CLOSED, closed_text(h));
	if (h->busy)
		return raise_code(SHMQ_E_MISUSE, "shmq: queue \"" + h->name + "\": another thread is in a call of this " +
						 role_word(h) + "; open one for each thread");
	return 0;
}

static int settle_now(Handle *h, Lease *lease, Fate fate)
{
	switch (fate) {
	case Fate::Ack:
		return shmq_ack(h->q, lease);
	case Fate::Release:
		return shmq_release(h->q, lease);
	case Fate::Abort:
		return shmq_abort(h->q);
	default:
		return 0;
	}
}

int handle_settle(Handle *h, Lease *lease, Fate fate)
{
	if (h->q == nullptr || h->forked)
		return 0;
	if (h->busy) {
		h->later.emplace_back(*lease, fate);
		return 1;
	}
	return settle_now(h, lease, fate);
}

void handle_view(Handle *h)
{
	h->viewed++;
	handle_ref(h);
}

void handle_unview(Handle *h)
{
	shmq_error err;
	if (--h->viewed == 0 && h->closed && !h->busy && !h->forked)
		shut(h, &err);
	handle_unref(h);
}

void handle_busy(Handle *h)
{
	handle_ref(h);
	h->busy = true;
}

void handle_idle(Handle *h)
{
	{
		std::lock_guard<std::mutex> lock(h->mutex);
		h->busy = false;
	}
	if (h->closed)
		h->idle.notify_all();
	while (!h->later.empty()) {
		std::vector<std::pair<Lease, Fate>> due;
		due.swap(h->later);
		for (auto &[lease, fate] : due)
			settle_now(h, &lease, fate);
	}
	handle_unref(h);
}
