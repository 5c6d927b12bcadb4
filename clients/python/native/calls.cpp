#include "calls.h"

#include "errors.h"

bool arguments(const char *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, int needed, const char *const *names,
	       int count, PyObject **out)
{
	if (n > count) {
		PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments (%zd given)", method, count, n);
		return false;
	}
	for (Py_ssize_t i = 0; i < n; i++)
		out[i] = args[i];
	for (Py_ssize_t i = 0; kwnames != nullptr && i < PyTuple_GET_SIZE(kwnames); i++) {
		PyObject *word = PyTuple_GET_ITEM(kwnames, i);
		int at = 0;
		while (at < count && PyUnicode_CompareWithASCIIString(word, names[at]) != 0)
			at++;
		if (at == count || out[at] != nullptr) {
			PyErr_Format(PyExc_TypeError, at == count ? "%s() got an unexpected keyword argument '%U'"
								  : "%s() got multiple values for argument '%U'", method, word);
			return false;
		}
		out[at] = args[n + i];
	}
	for (int i = 0; i < needed; i++) {
		if (out[i] == nullptr) {
			PyErr_Format(PyExc_TypeError, "%s() missing required argument: '%s'", method, names[i]);
			return false;
		}
	}
	return true;
}

const char *queue_name(const std::string &name)
{
	if (name.find('\0') != std::string::npos)
		throw_if(raise_code(SHMQ_E_NAME, "shmq: the name of a queue has no NUL"));
	return name.c_str();
}

PyObject *no_new(PyTypeObject *type, PyObject *, PyObject *)
{
	PyErr_Format(PyExc_TypeError, "shmq: the objects of %s come from producers and consumers", type->tp_name);
	return nullptr;
}

bool Bytes::of_other(PyObject *o)
{
	if (PyUnicode_Check(o)) {
		PyErr_SetString(PyExc_TypeError, "shmq: a record is bytes, and this is a str: encode it, or send it as a value with a codec");
		return false;
	}
	if (or_stop([&] { return PyObject_GetBuffer(o, &view, PyBUF_SIMPLE); }) < 0) {
		view.obj = nullptr;
		return false;
	}
	data = view.buf;
	size = size_t(view.len);
	return true;
}
