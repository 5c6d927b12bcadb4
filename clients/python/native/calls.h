// What the bindings have in common: the way from exceptions of Python's C API to nanobind's, arguments of fast
// methods, and buffers.
#pragma once

#include "handle.h"

inline void throw_if(int64_t rc)
{
	if (rc < 0)
		throw nb::python_error();
}

inline PyObject *or_throw(PyObject *o)
{
	if (o == nullptr)
		throw nb::python_error();
	return o;
}

/*
 * The arguments of a method with METH_FASTCALL | METH_KEYWORDS: as many as names has, of which the first
 * `needed` are positional or by name, too. Absent ones are NULL. Such methods cost half of what nanobind's
 * with default arguments do; send and receive are of this kind.
 */
bool arguments(const char *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, int needed,
	       const char *const *names, int count, PyObject **out);

template <int N> struct Arguments {
	PyObject *value[N] = {};
	bool ok;
	Arguments(const char *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, int needed, const char *const (&names)[N])
	{
		if (n <= N && kwnames == nullptr && n >= needed) {
			for (Py_ssize_t i = 0; i < n; i++)
				value[i] = args[i];
			ok = true;
		} else {
			ok = arguments(method, args, n, kwnames, needed, names, N, value);
		}
	}
};

using FastMethod = PyObject *(*)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);
inline PyMethodDef fast(const char *name, FastMethod f)
{
	return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f)), METH_FASTCALL | METH_KEYWORDS, nullptr};
}

// Consumer[T], for type checkers.
inline PyMethodDef class_getitem()
{
	return {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, nullptr};
}

// An argument that is a number of bytes or records. One that no size_t holds is the largest that does. False with an exception.
bool size_of(PyObject *o, const char *name, size_t *size);

// The name of a queue for the library, which would take one with a NUL in it for a shorter one.
const char *queue_name(const std::string &name);

// For types whose objects this module makes alone: what a __new__ would make has no C++ in it.
PyObject *no_new(PyTypeObject *type, PyObject *, PyObject *);
inline PyType_Slot slot_no_new() { return {Py_tp_new, reinterpret_cast<void *>(no_new)}; }

// The bytes of an object with the buffer protocol, pinned while this lives.
struct Bytes {
	const void *data = nullptr;
	size_t size = 0;
	PyObject *object = nullptr; // of type bytes
	Py_buffer view;

	Bytes() { view.obj = nullptr; }
	Bytes(const Bytes &) = delete;
	bool of(PyObject *o, const Handle *h) // of the producer that sends it
	{
		if (PyBytes_CheckExact(o)) {
			Py_INCREF(o);
			object = o;
			data = PyBytes_AS_STRING(o);
			size = size_t(PyBytes_GET_SIZE(o));
			return true;
		}
		return of_other(o, h);
	}
	~Bytes()
	{
		Py_XDECREF(object);
		if (view.obj != nullptr)
			PyBuffer_Release(&view);
	}

private:
	bool of_other(PyObject *o, const Handle *h);
};
