#include "block.h"

#include "calls.h"
#include "forks.h"

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
	Block *b = nb::inst_ptr<Block>(nb::handle(self));
	view->obj = nullptr;
	if (b->h->forked || b->h->closed || b->h->q == nullptr || b->fate != Fate::Held) {
		PyErr_Format(PyExc_BufferError, "shmq: queue \"%s\": the record is settled, or not this process's", b->h->name.c_str());
		return -1;
	}
	if (PyBuffer_FillInfo(view, self, const_cast<void *>(b->lease.data), Py_ssize_t(b->lease.size), b->readonly, flags) < 0)
		return -1;
	if (b->exports++ == 0) {
		handle_view(b->h);
		forks_add(b);
	}
	return 0;
}

static void release_buffer(PyObject *self, Py_buffer *)
{
	Block *b = nb::inst_ptr<Block>(nb::handle(self));
	if (--b->exports > 0)
		return;
	forks_remove(b);
	if (b->fate != Fate::Held)
		handle_settle(b->h, &b->lease, b->fate);
	handle_unview(b->h);
}

void release_elsewhere(PyObject *, Py_buffer *) {}

static PyType_Slot slots[] = {
	slot_no_new(),
	{Py_bf_getbuffer, reinterpret_cast<void *>(get_buffer)},
	{Py_bf_releasebuffer, reinterpret_cast<void *>(release_buffer)},
	{0, nullptr},
};

Block *Viewed::make(Handle *h, const Lease &l, bool readonly)
{
	if (block == nullptr) {
		try {
			nb::object o = nb::inst_alloc(nb::type<Block>());
			new (nb::inst_ptr<Block>(o)) Block(h, l, readonly);
			nb::inst_mark_ready(o);
			block = o.release().ptr();
		} catch (nb::python_error &e) {
			e.restore();
			return nullptr;
		}
	}
	return get();
}

PyObject *Viewed::data(Handle *h, const Lease &l, bool readonly)
{
	if (make(h, l, readonly) == nullptr)
		return nullptr;
	if (view == nullptr)
		view = PyMemoryView_FromObject(block);
	Py_XINCREF(view);
	return view;
}

bool Viewed::drop()
{
	if (view != nullptr) {
		PyObject *type, *value, *trace;
		PyErr_Fetch(&type, &value, &trace);
		PyObject *r = PyObject_CallMethod(view, "release", nullptr);
		if (r == nullptr)
			PyErr_Clear(); // an array was made of it, which keeps it
		Py_XDECREF(r);
		PyErr_Restore(type, value, trace);
		Py_CLEAR(view);
	}
	return block != nullptr && get()->exports > 0;
}

Viewed::~Viewed()
{
	drop();
	Py_XDECREF(block);
}

void define_block(nb::module_ &m) { nb::class_<Block>(m, "_Block", nb::type_slots(slots)); }
