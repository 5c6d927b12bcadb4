#include "bell.h"

#include <nanobind/stl/vector.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "calls.h"
#include "ends.h"
#include "errors.h"

static uint64_t id_of(Handle *h) { return reinterpret_cast<uintptr_t>(h); }

// A bell for one event loop. Handles that are waited for are kept until they are let go.
struct LoopBell {
	std::shared_ptr<Bell> bell; // also of those that just drop a word
	std::map<uint64_t, Handle *> handles;
	pid_t owner = getpid();

	explicit LoopBell(bool thread)
	{
		if (!thread)
			bell = bell_of_ring();
		if (!bell)
			bell = bell_of_thread();
		if (!bell) {
			PyErr_SetFromErrno(PyExc_OSError);
			throw nb::python_error();
		}
	}
	// A child of a fork has its parent's loop and bell, and touches neither: the ring is not mapped there, the thread does
	// not run, and its locks may be held for ever.
	bool parents() const { return getpid() != owner; }
	~LoopBell()
	{
		if (parents()) {
			new std::shared_ptr<Bell>(std::move(bell)); // for good
			return;
		}
		while (!handles.empty())
			bell_forget(handles.begin()->second);
	}
	void keep(Handle *h)
	{
		handle_ref(h);
		h->bell = this;
		handles[id_of(h)] = h;
	}
	// The handle, which is the caller's to unref; NULL if it is not kept.
	Handle *let_go(uint64_t id)
	{
		auto it = handles.find(id);
		if (it == handles.end())
			return nullptr;
		Handle *h = it->second;
		handles.erase(it);
		h->bell = nullptr;
		return h;
	}
};

// Other threads run while the word is dropped: one may forget the handle as well, or end the loop's bell.
void bell_forget(Handle *h)
{
	LoopBell *b = h->bell;
	if (b == nullptr || h->forked)
		return;
	std::shared_ptr<Bell> bell = b->bell;
	bell->drop(id_of(h));
	if (h->bell == b)
		handle_unref(b->let_go(id_of(h)));
}

// Whether to sleep until the bell rings for this end. If not, a try is worth while.
static bool arm(LoopBell &b, End &e, size_t size)
{
	struct shmq_word word;
	bell_forget(e.h);
	throw_if(handle_usable(e.h));
	if (b.parents())
		throw_if(raise_code(SHMQ_E_FORKED, "shmq: queue \"" + e.h->name + "\": the event loop is that of the parent process; run another one in the child"));
	if (b.bell->full())
		throw_if(raise_code(SHMQ_E_MISUSE, "shmq: queue \"" + e.h->name + "\": its bell has no place; arm another one"));
	int rc = shmq_arm(e.h->q, size, &word);
	if (rc == 0)
		return false;
	if (rc != SHMQ_E_EMPTY && rc != SHMQ_E_FULL)
		throw_if(raise_last(e.h, rc));
	if (!b.bell->add(id_of(e.h), word)) {
		PyErr_SetFromErrno(PyExc_OSError);
		throw nb::python_error();
	}
	b.keep(e.h);
	return true;
}

static void disarm(End &e, size_t size)
{
	bell_forget(e.h);
	if (!e.h->closed && !e.h->busy && !e.h->forked)
		shmq_disarm(e.h->q, size);
}

// Which ends to wake: what key returned for them.
static std::vector<uint64_t> rung(LoopBell &b)
{
	if (b.parents())
		return {};
	std::vector<uint64_t> ids = b.bell->rung();
	std::vector<Handle *> kept;
	for (uint64_t id : ids)
		if (Handle *h = b.let_go(id))
			kept.push_back(h);
	for (Handle *h : kept)
		handle_unref(h);
	return ids;
}

void define_bell(nb::module_ &m)
{
	nb::class_<LoopBell>(m, "_Bell")
		.def(nb::init<bool>(), nb::arg("thread") = false)
		.def("fileno", [](LoopBell &b) { return b.bell->fd(); })
		.def("arm", arm)
		.def_static("disarm", disarm)
		.def_static("forget", [](End &e) { bell_forget(e.h); })
		.def("rung", rung)
		.def_static("key", [](End &e) { return id_of(e.h); })
		.def_prop_ro("full", [](LoopBell &b) { return !b.parents() && b.bell->full(); })
		.def_prop_ro("kind", [](LoopBell &b) { return b.bell->kind(); });
}
