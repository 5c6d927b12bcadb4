/*
 * A block is the memory of a record or of a reservation, as memoryviews and arrays see it: they refer to
 * it, and it to the handle, so that the mapping lives as long as they do. What the program decides about
 * the record while it is viewed is its fate, which comes true when the last view is gone.
 */
#pragma once

#include "handle.h"

struct Block {
	Handle *h;
	Lease lease; // of a record; of a reservation only data and size
	bool readonly;
	Fate fate = Fate::Held;
	size_t exports = 0;
	Block *next = nullptr, *prev = nullptr; // of those that are viewed, for forks
	bool fork_copied = false;

	Block(Handle *handle, const Lease &l, bool ro) : h(handle), lease(l), readonly(ro) { handle_ref(h); }
	Block(const Block &) = delete;
	~Block() { handle_unref(h); }
};

// The part of a record or a reservation that deals with views.
struct Viewed {
	PyObject *block = nullptr; // a Block, made when it is first viewed
	PyObject *view = nullptr;  // the memoryview of the attribute data

	Viewed() = default;
	Viewed(const Viewed &) = delete;
	~Viewed();

	Block *get() const { return block ? nb::inst_ptr<Block>(nb::handle(block)) : nullptr; }
	Block *make(Handle *h, const Lease &l, bool readonly); // NULL with an exception
	PyObject *data(Handle *h, const Lease &l, bool readonly);
	bool drop(); // releases the attribute's view; whether others are left
	// Nobody looks at it: from now on the block, which a view of the program's named, is not viewed any more.
	void end(Fate fate)
	{
		if (block != nullptr)
			get()->fate = fate;
	}
};

// For types whose bf_getbuffer asks a block: numpy ties the life of an array to a view only if the type of the object has
// bf_releasebuffer. The block's own is what is called.
void release_elsewhere(PyObject *, Py_buffer *);

void define_block(nb::module_ &m);
